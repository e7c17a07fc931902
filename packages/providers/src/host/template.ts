/** Templates are Liquid (https://liquidjs.com): data in, text out; no code, no files, nothing of the engine's. */
import { Liquid, LiquidError } from "liquidjs";

const engine = new Liquid({
  strictVariables: true,
  strictFilters: true,
  ownPropertyOnly: true,
  templates: {}, // `include` and `render` find nothing.
  // A template of a pull request must not stop the engine.
  parseLimit: 5_000_000,
  renderLimit: 10_000,
  memoryLimit: 100_000_000,
});

export type Rendered =
  | { readonly text: string }
  /** In words, with line and column of the template. */
  | { readonly problem: string };

export function render(template: string, variables: Readonly<Record<string, unknown>>): Rendered {
  try {
    return { text: engine.parseAndRenderSync(template, { ...variables }) as string };
  } catch (error) {
    if (!LiquidError.is(error)) throw error;
    return { problem: error.message };
  }
}
