/** Small pieces of Markdown that the generated pages are made of. */

/** Text as Markdown's own and HTML's marks would change it, made safe; what stands in backquotes stays. */
export const prose = (text: string): string =>
  text
    .split(/(`[^`]*`)/)
    .map((part) => (part.startsWith("`") ? part : part.replaceAll("<", "&lt;").replaceAll("*", "\\*")))
    .join("");

const cell = (text: string): string => text.replaceAll("|", "\\|").replaceAll(/\s*\n\s*/g, " ");

/** A table; rows are as long as the head. Nothing for none. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  if (rows.length === 0) return [];
  const line = (cells: readonly string[]): string =>
    `| ${cells.map(cell).join(" | ")} |`.replaceAll("|  ", "| ");
  return [line(head), `|${"---|".repeat(head.length)}`, ...rows.map(line), ""];
}

export const code = (text: string): string => `\`${text}\``;

/** A page that nobody edits by hand. */
export const page = (source: string, lines: readonly string[]): string =>
  `${[`<!-- Made by \`npm run docs:generate\` from ${source}. -->`, "", ...lines]
    .join("\n")
    .replaceAll(/\n{3,}/g, "\n\n")
    .trimEnd()}\n`;
