/** How what happens to a resource looks: a colour and, for those who see no colours, a shape with a sign. Pictures and pages alike. */
import type { Effect } from "../plan.js";

export type Mark = Effect | "none";

/** Fill and border, on white. */
export const effectColours: Readonly<Record<Mark, readonly [fill: string, border: string]>> = {
  none: ["#f4f5f7", "#8993a4"],
  create: ["#e3f5e1", "#2e7d32"],
  update: ["#fff4d6", "#b7791f"],
  replace: ["#f6e1f7", "#8e24aa"],
  delete: ["#fde2e1", "#c62828"],
  forget: ["#eeeeee", "#757575"],
  read: ["#e1f1fb", "#0277bd"],
  import: ["#e1f1fb", "#0277bd"],
  move: ["#e1f1fb", "#0277bd"],
  refresh: ["#e1f1fb", "#0277bd"],
};

export const driftColour = "#d9480f";

export interface Badge {
  /** Corners on the unit circle, clockwise from the top; absent: a circle. */
  readonly corners?: readonly (readonly [x: number, y: number])[];
  readonly sign: string;
}

const polygon = (corners: number, turn = 0): [number, number][] =>
  Array.from({ length: corners }, (_, i) => {
    const angle = ((i + turn) / corners) * 2 * Math.PI - Math.PI / 2;
    return [Math.round(Math.cos(angle) * 1000) / 1000, Math.round(Math.sin(angle) * 1000) / 1000];
  });

/** What lies inside the state alone (read, import, move, refresh, forget) has one shape. */
const inside = polygon(5);
export const badges: Readonly<Record<Effect, Badge>> = {
  create: { sign: "+" },
  update: { corners: polygon(4), sign: "~" },
  replace: { corners: polygon(6), sign: "±" },
  delete: { corners: polygon(4, 0.5), sign: "−" },
  forget: { corners: inside, sign: "×" },
  read: { corners: inside, sign: "?" },
  import: { corners: inside, sign: "=" },
  move: { corners: inside, sign: ">" },
  refresh: { corners: inside, sign: "↻" },
};

export const driftBadge: Badge = { corners: polygon(3), sign: "!" };
