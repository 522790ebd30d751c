
// The timeline: the pointer or the focus on a resource marks what it waited for, and what that waited for.
(() => {
  for (const table of document.querySelectorAll(".timeline")) {
    let marked = [];
    const clear = () => {
      for (const row of marked) row.classList.remove("cause", "current");
      marked = [];
    };
    const mark = (event) => {
      const row = event.target.closest("tbody tr");
      if (row && row === marked[0]) return;
      clear();
      for (let it = row; it && !marked.includes(it); it = document.getElementById(it.dataset.after)) {
        it.classList.add(it === row ? "current" : "cause");
        marked.push(it);
      }
    };
    // A page that scrolls under the pointer changes nothing.
    table.addEventListener("pointermove", mark);
    table.addEventListener("focusin", mark);
    table.addEventListener("pointerleave", clear);
    table.addEventListener("focusout", clear);
  }
})();
