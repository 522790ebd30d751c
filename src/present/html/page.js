
"use strict";
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const tools = document.querySelector(".tools");
  const search = document.getElementById("search");
  const found = document.getElementById("found");
  const expand = document.getElementById("expand");
  const chips = all("[data-filter]");
  const items = all("[data-find]");
  const texts = new Map();
  const graphs = [];

  // The state of the page: the element that a link leads to, the words, the kinds.
  const state = { at: "", words: "", kinds: new Set() };

  function read() {
    const parts = decode(location.hash.slice(1)).split("&");
    state.at = parts[0].includes("=") ? "" : parts[0];
    const values = new URLSearchParams(location.hash.slice(1).split("&").filter((it) => it.includes("=")).join("&"));
    state.words = values.get("find") || "";
    const known = new Set(chips.map((chip) => chip.dataset.filter));
    state.kinds = new Set((values.get("kind") || "").split(",").filter((kind) => known.has(kind)));
  }

  function decode(text) {
    try {
      return decodeURIComponent(text);
    } catch {
      return text;
    }
  }

  function address() {
    const parts = [];
    if (state.at) parts.push(encodeURIComponent(state.at));
    if (state.words) parts.push("find=" + encodeURIComponent(state.words));
    if (state.kinds.size) parts.push("kind=" + [...state.kinds].join(","));
    return "#" + parts.join("&");
  }

  function write() {
    const next = address();
    if (next === (location.hash || "#")) return;
    try {
      history.replaceState(null, "", next);
    } catch {
      // A page that is opened in a frame may not change its address.
    }
  }

  function textOf(item) {
    let text = texts.get(item);
    if (text === undefined) {
      text = item.textContent.toLowerCase();
      texts.set(item, text);
    }
    return text;
  }

  function apply() {
    const words = state.words.toLowerCase().split(/\s+/).filter(Boolean);
    const isActive = words.length > 0 || state.kinds.size > 0;
    let shown = 0;
    let total = 0;
    for (const item of items) {
      const kind = item.dataset.kind;
      const isKind = !state.kinds.size || !kind || state.kinds.has(kind);
      const matches = isKind && words.every((word) => textOf(item).includes(word));
      item.hidden = !matches;
      if (kind) {
        total += 1;
        if (matches) shown += 1;
      }
    }
    for (const list of all(".changes")) {
      const isEmpty = !list.querySelector(":scope > .change:not([hidden])");
      list.hidden = isEmpty;
      const none = list.nextElementSibling;
      if (none && none.classList.contains("none")) none.hidden = !isEmpty;
    }
    for (const chip of chips) chip.setAttribute("aria-pressed", String(state.kinds.has(chip.dataset.filter)));
    if (search && search.value !== state.words) search.value = state.words;
    if (found) found.textContent = isActive ? shown + " of " + total + " shown" : "";
    for (const graph of graphs) graph.filter(isActive);
  }

  // Shows an element, whatever hides it.
  function reveal(element) {
    const item = element.closest("[data-find]");
    if (item && item.hidden) {
      state.words = "";
      state.kinds.clear();
      apply();
    }
    for (let it = element; it; it = it.parentElement) if (it.localName === "details") it.open = true;
    const own = element.querySelector(":scope > details");
    if (own) own.open = true;
    element.scrollIntoView({ block: "start" });
  }

  function go(id, isFocused) {
    const element = document.getElementById(id);
    if (!element) return;
    state.at = id;
    reveal(element);
    // Setting the address lets the browser mark the element as the target.
    if (location.hash !== address()) {
      write();
    }
    for (const it of all(".at")) it.classList.remove("at");
    element.classList.add("at");
    if (isFocused) {
      const target = element.querySelector(":scope > details > summary, :scope > summary") || element;
      target.focus({ preventScroll: true });
    }
  }

  function follow() {
    read();
    apply();
    if (state.at) go(state.at, false);
  }

  if (tools) {
    tools.hidden = false;
    search.addEventListener("input", () => {
      state.words = search.value;
      apply();
      write();
    });
    search.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      if (search.value) {
        state.words = search.value = "";
        apply();
        write();
      } else {
        search.blur();
      }
    });
    for (const chip of chips) {
      chip.addEventListener("click", () => {
        const kind = chip.dataset.filter;
        if (!state.kinds.delete(kind)) state.kinds.add(kind);
        apply();
        write();
      });
    }
    expand.addEventListener("click", () => {
      const closed = all(".section details:not([open])");
      const opens = closed.length > 0;
      for (const it of all(".section details")) it.open = opens;
      label();
    });
    document.addEventListener("toggle", label, true);
    label();
  }

  function label() {
    if (expand) expand.textContent = document.querySelector(".section details:not([open])") ? "Expand all" : "Collapse all";
  }

  document.addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || !search) return;
    if (event.target.closest("input, textarea, select, [contenteditable]")) return;
    event.preventDefault();
    search.focus();
    search.select();
  });

  // A link to an element keeps the filter.
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[href^='#']");
    if (!link || event.defaultPrevented || event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const id = decode(link.getAttribute("href").slice(1));
    if (!document.getElementById(id)) return;
    event.preventDefault();
    go(id, true);
  });

  // Everything is printed.
  let closed = [];
  addEventListener("beforeprint", () => {
    closed = all("details:not([open])");
    for (const it of closed) it.open = true;
  });
  addEventListener("afterprint", () => {
    for (const it of closed) it.open = false;
    closed = [];
  });

  // A picture that can be moved with the pointer, the wheel and the keyboard.
  function graph(figure) {
    const svg = figure.querySelector("svg");
    const stage = figure.querySelector(".stage");
    const controls = figure.querySelector(".controls");
    const whole = svg && svg.viewBox.baseVal;
    if (!svg || !stage || !controls || !whole || !whole.width || !whole.height) return;
    const home = { x: whole.x, y: whole.y, width: whole.width, height: whole.height };
    let view = { ...home };
    figure.classList.add("live");
    controls.hidden = false;
    svg.removeAttribute("width");
    svg.removeAttribute("height");
    svg.setAttribute("preserveAspectRatio", "xMidYMid meet");

    const scale = () => Math.max(view.width / stage.clientWidth, view.height / stage.clientHeight) || 1;
    function show() {
      svg.setAttribute("viewBox", [view.x, view.y, view.width, view.height].map((it) => it.toFixed(2)).join(" "));
    }
    // The zoom keeps the point under the pointer.
    function zoom(factor, x = stage.clientWidth / 2, y = stage.clientHeight / 2) {
      const width = Math.min(Math.max(view.width * factor, 60), home.width * 4);
      const real = width / view.width;
      const before = scale();
      const left = view.x + view.width / 2 + (x - stage.clientWidth / 2) * before;
      const top = view.y + view.height / 2 + (y - stage.clientHeight / 2) * before;
      view = {
        x: left - (left - view.x) * real,
        y: top - (top - view.y) * real,
        width,
        height: view.height * real,
      };
      show();
    }
    function pan(x, y) {
      const factor = scale();
      view.x -= x * factor;
      view.y -= y * factor;
      show();
    }
    function fit() {
      view = { ...home };
      show();
    }
    // The first view: the whole picture if its text can be read, else its upper left part.
    function start() {
      fit();
      const factor = scale();
      if (factor <= 1.7) {
        if (factor < 1) zoom(1 / factor);
        return;
      }
      const least = 1.15;
      view = { x: home.x, y: home.y, width: stage.clientWidth * least, height: stage.clientHeight * least };
      if (view.width > home.width) view.x = home.x - (view.width - home.width) / 2;
      if (view.height > home.height) view.y = home.y - (view.height - home.height) / 2;
      show();
    }

    const actions = { in: () => zoom(0.75), out: () => zoom(1 / 0.75), fit };
    for (const button of all("[data-action]", controls)) button.addEventListener("click", () => actions[button.dataset.action]());
    stage.addEventListener("wheel", (event) => {
      if (!event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      const box = stage.getBoundingClientRect();
      zoom(Math.exp(Math.max(-60, Math.min(60, event.deltaY)) * 0.006), event.clientX - box.left, event.clientY - box.top);
    }, { passive: false });
    stage.tabIndex = 0;
    stage.addEventListener("keydown", (event) => {
      const step = 60;
      const keys = {
        ArrowLeft: () => pan(step, 0), ArrowRight: () => pan(-step, 0), ArrowUp: () => pan(0, step), ArrowDown: () => pan(0, -step),
        "+": actions.in, "=": actions.in, "-": actions.out, 0: fit,
      };
      const action = keys[event.key];
      if (!action || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      action();
    });

    // One pointer moves the picture, two zoom it. A finger alone scrolls the page.
    const pointers = new Map();
    let moved = 0;
    stage.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      pointers.set(event.pointerId, event);
      moved = 0;
    });
    stage.addEventListener("pointermove", (event) => {
      const last = pointers.get(event.pointerId);
      if (!last) return;
      const box = stage.getBoundingClientRect();
      if (pointers.size === 2) {
        const other = [...pointers.values()].find((it) => it.pointerId !== event.pointerId);
        const distance = (it) => Math.hypot(it.clientX - other.clientX, it.clientY - other.clientY) || 1;
        zoom(distance(last) / distance(event), (event.clientX + other.clientX) / 2 - box.left, (event.clientY + other.clientY) / 2 - box.top);
        pan((event.clientX - last.clientX) / 2, (event.clientY - last.clientY) / 2);
        moved = 9;
      } else if (event.pointerType !== "touch") {
        moved += Math.abs(event.clientX - last.clientX) + Math.abs(event.clientY - last.clientY);
        if (moved > 4) {
          if (!stage.hasPointerCapture(event.pointerId)) stage.setPointerCapture(event.pointerId);
          stage.classList.add("moving");
          pan(event.clientX - last.clientX, event.clientY - last.clientY);
        }
      }
      pointers.set(event.pointerId, event);
    });
    for (const name of ["pointerup", "pointercancel", "lostpointercapture"]) {
      stage.addEventListener(name, (event) => {
        pointers.delete(event.pointerId);
        stage.classList.remove("moving");
      });
    }

    // The end of a movement is no click on a resource.
    stage.addEventListener("click", (event) => {
      if (moved <= 4) return;
      event.preventDefault();
      event.stopPropagation();
    }, true);

    // A link in the picture leads from a resource to its change; a button leads back.
    const article = figure.closest("article") || document;
    const changes = new Map(all("[data-of]", article).map((it) => [it.dataset.of, it]));
    const byId = new Map(all(".node[data-id]", svg).map((it) => [it.dataset.id, it]));
    function center(node) {
      const box = node.getBBox();
      const matrix = svg.getScreenCTM().inverse().multiply(node.getScreenCTM());
      const middle = new DOMPoint(box.x + box.width / 2, box.y + box.height / 2).matrixTransform(matrix);
      view.width = stage.clientWidth * 1.1;
      view.height = stage.clientHeight * 1.1;
      view.x = middle.x - view.width / 2;
      view.y = middle.y - view.height / 2;
      show();
    }
    // The keyboard moves the picture to the resource that has the focus.
    svg.addEventListener("focusin", (event) => {
      const node = event.target.closest(".node");
      if (!node || !event.target.matches(":focus-visible")) return;
      const around = stage.getBoundingClientRect();
      const box = node.getBoundingClientRect();
      const isInside = box.left >= around.left && box.right <= around.right && box.top >= around.top && box.bottom <= around.bottom;
      if (!isInside) center(node);
    });
    function back(node) {
      center(node);
      for (const it of byId.values()) it.classList.toggle("found", it === node);
      figure.scrollIntoView({ block: "center" });
      (node.querySelector("a") || stage).focus({ preventScroll: true });
    }
    for (const [id, change] of changes) {
      const node = byId.get(id);
      const inside = node && change.querySelector(".inside");
      if (!inside) continue;
      const add = () => {
        if (inside.querySelector(".to-graph")) return;
        const button = document.createElement("button");
        button.type = "button";
        button.className = "plain to-graph";
        button.textContent = "Show in the graph";
        button.addEventListener("click", () => back(node));
        inside.append(button);
      };
      const details = change.querySelector("details");
      if (!details || details.open) add();
      else details.addEventListener("toggle", add, { once: true });
    }

    start();
    graphs.push({
      filter(isActive) {
        for (const [id, node] of byId) {
          const change = changes.get(id);
          node.classList.toggle("off", isActive && (!change || change.hidden));
        }
      },
    });
  }

  for (const figure of all(".picture")) graph(figure);
  addEventListener("hashchange", follow);
  if (location.hash.length > 1) follow();
})();
