// What the checks read from a page. The file is one expression: an object of functions. It also works
// if the page's own scripts do not run.
(() => {
  const SHAPES = 'rect, circle, ellipse, path, polygon';

  const isShown = element =>
    element.checkVisibility({ opacityProperty: true, visibilityProperty: true });

  const name = element => {
    const own = element.tagName.toLowerCase() + (element.id ? '#' + element.id : '');
    return own + [...element.classList].map(it => '.' + it).join('');
  };

  // Returns a color as red, green, blue and opacity, each from 0 to 1.
  const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const known = new Map();
  const parse = text => {
    if (!known.has(text)) {
      canvas.clearRect(0, 0, 1, 1);
      canvas.fillStyle = text;
      canvas.fillRect(0, 0, 1, 1);
      known.set(text, [...canvas.getImageData(0, 0, 1, 1).data].map(it => it / 255));
    }
    return known.get(text);
  };

  const over = (front, back) => {
    const opacity = front[3] + back[3] * (1 - front[3]);
    if (opacity === 0) return [0, 0, 0, 0];
    const mix = i => (front[i] * front[3] + back[i] * back[3] * (1 - front[3])) / opacity;
    return [mix(0), mix(1), mix(2), opacity];
  };

  const luminance = color => {
    const part = it => (it <= 0.04045 ? it / 12.92 : ((it + 0.055) / 1.055) ** 2.4);
    return 0.2126 * part(color[0]) + 0.7152 * part(color[1]) + 0.0722 * part(color[2]);
  };

  const ratio = (one, other) => {
    const [dark, light] = [luminance(one), luminance(other)].sort((a, b) => a - b);
    return (light + 0.05) / (dark + 0.05);
  };

  const faded = (color, opacity) => [color[0], color[1], color[2], color[3] * opacity];

  // Returns the product of the opacities of an element and its ancestors.
  const opacity = element => {
    let product = 1;
    for (let it = element; it; it = it.parentElement) product *= +getComputedStyle(it).opacity;
    return product;
  };

  // Returns the color behind an element: the backgrounds of its ancestors, one over the other.
  const background = element => {
    let color = [0, 0, 0, 0];
    for (let it = element; it && color[3] < 1; it = it.parentElement) {
      color = over(color, parse(getComputedStyle(it).backgroundColor));
    }
    return over(color, parse(getComputedStyle(document.documentElement).getPropertyValue('color-scheme')
      .includes('dark') && matchMedia('(prefers-color-scheme: dark)').matches ? '#121212' : '#fff'));
  };

  // Returns the filled shapes of a picture, in their order, with their colors and their places.
  const shapesOf = svg => [...svg.querySelectorAll(SHAPES)].flatMap(shape => {
    const style = getComputedStyle(shape);
    if (style.fill === 'none' || style.fill.startsWith('url') || !isShown(shape)) return [];
    if (shape.closest('defs, marker, clipPath, symbol')) return [];
    const color = faded(parse(style.fill), +style.fillOpacity * opacity(shape));
    return [{ shape, color, area: shape.getBoundingClientRect() }];
  });

  // Returns the color behind a text in a picture: that of the shapes before it that contain its center.
  const behindText = (text, pictures) => {
    const svg = text.ownerSVGElement;
    if (!pictures.has(svg)) pictures.set(svg, { back: background(svg), shapes: shapesOf(svg) });
    const { back, shapes } = pictures.get(svg);
    const box = text.getBoundingClientRect();
    const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
    const inside = ({ area }) => x >= area.left && x <= area.right && y >= area.top && y <= area.bottom;
    const before = ({ shape }) => shape.compareDocumentPosition(text) & Node.DOCUMENT_POSITION_FOLLOWING;
    return shapes.filter(it => inside(it) && before(it)).reduce((color, it) => over(it.color, color), back);
  };

  const isLarge = style => {
    const size = parseFloat(style.fontSize);
    return size >= 24 || (size >= 18.66 && +style.fontWeight >= 700);
  };

  // Returns the texts whose contrast is below WCAG's level AA, each kind once.
  const contrast = () => {
    const found = new Map();
    const report = (element, text, color, back, style, part) => {
      const needed = isLarge(style) ? 3 : 4.5;
      const measured = ratio(over(color, back), back);
      if (measured >= needed - 0.01) return;
      const key = `${name(element)}${part} ${measured.toFixed(2)} < ${needed}`;
      if (!found.has(key)) found.set(key, `${key}: "${text.trim().slice(0, 40)}"`);
    };
    const walker = document.createTreeWalker(document.documentElement, NodeFilter.SHOW_TEXT);
    const seen = new Set();
    const pictures = new Map();
    while (walker.nextNode()) {
      const text = walker.currentNode.data;
      const element = walker.currentNode.parentElement;
      if (!text.trim() || seen.has(element) || !isShown(element)) continue;
      if (element.closest('script, style, title, noscript, [aria-disabled=true], :disabled')) continue;
      seen.add(element);
      const style = getComputedStyle(element);
      if (element.ownerSVGElement) {
        if (!element.closest('text')) continue;
        const fill = faded(parse(style.fill), +style.fillOpacity * opacity(element));
        report(element, text, fill, behindText(element, pictures), style, '');
      } else {
        report(element, text, faded(parse(style.color), opacity(element)), background(element), style, '');
      }
    }
    for (const element of document.body.querySelectorAll('*')) {
      if (!isShown(element)) continue;
      for (const part of ['::before', '::after', '::placeholder']) {
        if (part === '::placeholder' && !element.placeholder) continue;
        const style = getComputedStyle(element, part);
        const text = part === '::placeholder' ? element.placeholder : style.content;
        if (!text || ['none', 'normal', '""', "''"].includes(text)) continue;
        const back = over(parse(style.backgroundColor), background(element));
        const color = faded(parse(style.color), opacity(element) * +style.opacity);
        report(element, text, color, back, style, part);
      }
    }
    return [...found.values()];
  };

  // Returns the elements that are wider than the viewport, unless one around them scrolls.
  const overflow = () => {
    const width = document.documentElement.clientWidth;
    const excess = document.documentElement.scrollWidth - width;
    if (excess <= 0) return [];
    const wide = [...document.body.querySelectorAll('*')].filter(element => {
      if (element.ownerSVGElement || !isShown(element)) return false;
      if (element.getBoundingClientRect().right <= width + 0.5) return false;
      for (let it = element.parentElement; it && it !== document.body; it = it.parentElement) {
        if (getComputedStyle(it).overflowX !== 'visible') return false;
      }
      return true;
    });
    const names = wide.slice(0, 5).map(it => `${name(it)} "${it.textContent.trim().slice(0, 30)}"`);
    return [`${excess} pixels too wide`, ...names];
  };

  // Returns controls without a name for a screen reader, and other faults of the document's structure.
  const structure = () => {
    const faults = [];
    if (!document.documentElement.lang) faults.push('the document has no language');
    if (!document.title.trim()) faults.push('the document has no title');
    if (document.querySelectorAll('h1').length !== 1) faults.push('there is not one h1');
    if (!document.querySelector('main')) faults.push('there is no main');
    const levels = [...document.querySelectorAll('h1, h2, h3, h4, h5, h6')].filter(isShown);
    let last = 0;
    for (const heading of levels) {
      const level = +heading.tagName[1];
      if (level > last + 1) faults.push(`${name(heading)} follows h${last}: "${heading.textContent.slice(0, 30)}"`);
      last = level;
    }
    const ids = new Set();
    for (const element of document.querySelectorAll('[id]')) {
      if (ids.has(element.id)) faults.push(`two elements have the id ${element.id}`);
      ids.add(element.id);
    }
    for (const link of document.querySelectorAll('a[href^="#"]')) {
      const target = decodeURIComponent(link.getAttribute('href').slice(1));
      if (target && !document.getElementById(target)) faults.push(`no element has the id ${target}`);
    }
    for (const attribute of ['aria-labelledby', 'aria-describedby', 'aria-controls', 'for']) {
      for (const element of document.querySelectorAll(`[${attribute}]`)) {
        for (const id of element.getAttribute(attribute).split(/\s+/)) {
          if (!document.getElementById(id)) faults.push(`${attribute}: no element has the id ${id}`);
        }
      }
    }
    for (const control of document.querySelectorAll('a[href], button, input, select, textarea, summary, [tabindex="0"], svg[role=img]')) {
      if (!isShown(control) || control.closest('[aria-hidden=true]')) continue;
      const labels = [...(control.labels || [])].map(it => it.textContent);
      const named = (control.getAttribute('aria-labelledby') || '').split(/\s+/).filter(Boolean)
        .map(id => document.getElementById(id)?.textContent || '');
      const title = control.querySelector?.(':scope > title')?.textContent || '';
      const texts = [...labels, ...named, title, control.getAttribute('aria-label'), control.title, control.textContent];
      if (!texts.some(it => it && it.trim())) faults.push(`${name(control)} has no name`);
    }
    return [...new Set(faults)].slice(0, 20);
  };

  // Returns what a page of stackctl never contains: things that load, run or lead elsewhere.
  const foreign = () => {
    const faults = [];
    const inert = 'iframe, object, embed, base, form, audio, video, link, meta[http-equiv=refresh]';
    for (const element of document.querySelectorAll(inert)) faults.push(`there is a ${name(element)}`);
    for (const element of document.querySelectorAll('*')) {
      for (const { name: attribute, value } of element.attributes) {
        if (/^on/i.test(attribute)) faults.push(`${name(element)} has the attribute ${attribute}`);
        if (/^(href|src|action|xlink:href|data|srcset)$/i.test(attribute) && !/^(#|data:|https:)/.test(value)) {
          faults.push(`${name(element)} has ${attribute}=${value.slice(0, 40)}`);
        }
      }
    }
    const policy = document.querySelector('meta[http-equiv="Content-Security-Policy" i]');
    if (!policy) faults.push('there is no Content-Security-Policy');
    else if (!/default-src 'none'/.test(policy.content)) faults.push(`the policy is ${policy.content}`);
    return [...new Set(faults)].slice(0, 20);
  };

  // Returns the text that is visible.
  const text = () => document.body.innerText;

  return { contrast, overflow, structure, foreign, text, isShown, name };
})()
