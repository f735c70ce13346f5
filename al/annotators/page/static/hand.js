// Hands on a picture: they move and zoom it, or do what its tool does.

/** Mouse, pen and fingers on a viewer's stage. */
export class Hand {
  constructor(viewer) {
    this.viewer = viewer;
    this.pointers = new Map();
    this.gesture = "";
    this.space = this.pen = false;
    this.listen();
  }

  listen() {
    const { stage } = this.viewer;
    stage.addEventListener("pointerdown", (event) => this.down(event));
    stage.addEventListener("pointermove", (event) => this.move(event));
    for (const end of ["pointerup", "pointercancel"]) {
      stage.addEventListener(end, (event) => this.up(event, end === "pointercancel"));
    }
    stage.addEventListener("pointerleave", () => this.viewer.tool?.leave?.());
    // What is typed somewhere goes on going there.
    stage.addEventListener("mousedown", (event) => event.preventDefault());
    stage.addEventListener("contextmenu", (event) => { if (this.viewer.tool) event.preventDefault(); });
    stage.addEventListener("dblclick", (event) => {
      if (this.viewer.tool) return;
      if (this.viewer.element.classList.contains("zoomed")) this.viewer.fit();
      else this.viewer.zoom(2.5, this.point(event));
    });
    stage.addEventListener("wheel", (event) => {
      if (!this.viewer.image) return;
      event.preventDefault();
      const lines = event.deltaMode === 1 ? 30 : 1;
      const speed = event.ctrlKey ? 0.01 : 0.0015;
      this.viewer.zoom(Math.exp(-event.deltaY * lines * speed), this.point(event));
    }, { passive: false });
    document.addEventListener("keydown", (event) => {
      if (event.key !== " " || writes(event.target) || event.target.closest?.("button")) return;
      if (!this.viewer.image || !this.viewer.element.isConnected) return;
      event.preventDefault();
      this.hold(true);
    });
    document.addEventListener("keyup", (event) => { if (event.key === " ") this.hold(false); });
    addEventListener("blur", () => { this.hold(false); });
    new ResizeObserver(() => {
      if (!this.viewer.image) return;
      this.viewer.resized();
    }).observe(stage);
  }

  hold(space) {
    this.space = space;
    this.viewer.element.classList.toggle("holding", space);
  }

  point(event) {
    const { left, top } = this.viewer.stage.getBoundingClientRect();
    return [event.clientX - left, event.clientY - top];
  }

  down(event) {
    if (!this.viewer.image) return;
    if (event.pointerType === "pen") this.pen = true;
    this.pointers.set(event.pointerId, this.point(event));
    this.viewer.stage.setPointerCapture(event.pointerId);
    if (this.pointers.size === 2) {  // two fingers move the picture, whatever one had begun
      if (this.gesture === "tool") this.viewer.tool?.cancel?.();
      this.gesture = "pinch";
      return;
    }
    if (this.gesture) return;
    const palm = this.pen && event.pointerType === "touch";
    const pans = !this.viewer.tool || this.space || palm || event.button === 1;
    this.gesture = pans ? "pan" : "tool";
    if (event.button === 1) event.preventDefault();
    if (!pans) this.viewer.tool.down(this.viewer.at(event), event);
  }

  move(event) {
    if (!this.viewer.image) return;
    const before = this.pointers.get(event.pointerId);
    if (!before) { this.viewer.tool?.hover?.(this.viewer.at(event), event); return; }
    const now = this.point(event);
    if (this.gesture === "tool") {
      const all = event.getCoalescedEvents?.() ?? [];
      for (const one of all.length ? all : [event]) this.viewer.tool?.move(this.viewer.at(one), one);
    } else if (this.gesture === "pan") {
      this.viewer.pan(now[0] - before[0], now[1] - before[1]);
    } else if (this.gesture === "pinch" && this.pointers.size === 2) {
      const [other] = [...this.pointers].filter(([id]) => id !== event.pointerId).map(([, p]) => p);
      const far = (p) => Math.hypot(p[0] - other[0], p[1] - other[1]);
      const middle = (p) => [(p[0] + other[0]) / 2, (p[1] + other[1]) / 2];
      const [from, to] = [middle(before), middle(now)];
      this.viewer.zoom(Math.max(far(now), 1) / Math.max(far(before), 1), from);
      this.viewer.pan(to[0] - from[0], to[1] - from[1]);
    }
    this.pointers.set(event.pointerId, now);
  }

  up(event, cancelled) {
    if (!this.pointers.delete(event.pointerId)) return;
    if (this.gesture === "tool" && cancelled) this.viewer.tool?.cancel?.();
    else if (this.gesture === "tool") this.viewer.tool?.up(this.viewer.at(event), event);
    if (!this.pointers.size || this.gesture === "tool") this.stop();
  }

  stop() {
    this.gesture = "";
    if (!this.viewer.image) this.pointers.clear();
  }
}

/** Whether keys are letters there. */
export function writes(element) {
  return Boolean(element?.closest?.("input, textarea, select"));
}
