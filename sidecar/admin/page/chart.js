/* One small time series on uPlot. Without it the figures beside it still say everything. */

import { SPAN_S } from "./history.js";
import { rate } from "./say.js";

const HEIGHT = 104;
const MINUTES = [240, 180, 120, 60];

export class Chart {
  #plot = null;
  #now = 0;

  /**
   * `keys`: columns, which name their colours, too. `stacked`: areas, each on those before it; else an area, a line, dashes.
   * `onPoint(index | null)` hears which moment the pointer is at.
   */
  constructor(box, keys, stacked, onPoint) {
    Object.assign(this, { box, keys: stacked ? keys.toReversed() : keys, stacked, onPoint });
  }

  draw(times, columns) {
    const width = Math.floor(this.box.clientWidth);
    if (!globalThis.uPlot || width < 40) return;
    this.#now = times.at(-1);
    const lines = this.keys.map((key) => columns[key]);
    const data = [times, ...(this.stacked ? piles(lines) : lines)];
    if (this.#plot?.width === width) this.#plot.setData(data);
    else {
      this.drop();
      this.#plot = new uPlot(this.#options(width), data, this.box);
    }
  }

  /** Forget the drawing; the next one has the colours of then. */
  drop() {
    this.#plot?.destroy();
    this.#plot = null;
  }

  #options(width) {
    const css = getComputedStyle(this.box), colour = (name) => css.getPropertyValue(`--${name}`).trim();
    const axis = { stroke: colour("soft"), font: `11px ${colour("text")}`, grid: { stroke: colour("rule"), width: 1 }, ticks: { show: false } };
    return {
      width,
      height: HEIGHT,
      legend: { show: false },
      padding: [6, 2, 2, 0],
      cursor: { y: false, points: { show: false }, drag: { x: false, y: false } },
      scales: {
        x: { time: false, range: () => [this.#now - SPAN_S, this.#now] },
        y: { range: (_, low, high) => [0, Math.max(1, high ?? 1) * 1.12] },
      },
      axes: [
        { ...axis, size: 2, splits: () => MINUTES.map((s) => this.#now - s), values: () => MINUTES.map(() => "") },
        { ...axis, size: 38, gap: 6, space: 26, values: (_, marks) => marks.map((mark) => (this.stacked || Number.isInteger(mark) ? rate(mark) : "")) },
      ],
      series: [{}, ...this.keys.map((key, i) => ({
        stroke: colour(key),
        width: 1.5,
        fill: this.stacked ? colour(key) : i ? undefined : `${colour(key)}2e`,
        dash: this.stacked || i < 2 ? undefined : [5, 4],
        points: { show: false },
      }))],
      hooks: { setCursor: [({ cursor }) => this.onPoint(cursor.left >= 0 ? cursor.idx : null)] },
    };
  }
}

/* The whole pile first: each lower one is painted over it. */
function piles(lines) {
  return lines.reduceRight((made, line) => [line.map((value, i) => (value === null ? null : value + (made[0]?.[i] ?? 0))), ...made], []);
}
