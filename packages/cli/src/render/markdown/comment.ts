/** Comments made of sections: one for all stacks, cut where that is too long, and a second one only when what may not be cut is too long. */
import { count, grouped } from "../text.js";
import { cell, code } from "./escape.js";
import { byteLength, maxComment } from "./fit.js";
import { parseSections, type Section, sectionId, sectionText } from "./section.js";

/** Of a key: it stands in a hidden line. */
export const keyPattern = /^[A-Za-z0-9][A-Za-z0-9._/]{0,63}$/;

const markerOf = (key: string): string => `<!-- orch:comment ${key} -->`;

/** Was the comment made by `orch comment` with that key? A person's comment that quotes one begins with `>`. */
export const hasMarker = (body: string, key: string): boolean =>
  body.split(/\r?\n/, 1)[0]?.trim() === markerOf(key);

/** Every section once, the latest, in the order of project, stack and kind. */
export function merged(bodies: readonly string[], added: readonly Section[]): readonly Section[] {
  const byId = new Map<string, Section>();
  for (const section of bodies.flatMap(parseSections)) {
    const id = sectionId(section.info);
    const other = byId.get(id);
    if (other === undefined || other.info.at <= section.info.at) byId.set(id, section);
  }
  for (const section of added) byId.set(sectionId(section.info), section);
  const order = ({ info }: Section): string[] => [info.project, info.stack, info.kind];
  return [...byId.values()].sort((a, b) => {
    const [x, y] = [order(a), order(b)];
    const i = x.findIndex((text, k) => text !== y[k]);
    return i < 0 ? 0 : (x[i] as string) < (y[i] as string) ? -1 : 1;
  });
}

/** The bodies of one or more comments, each at most `limit` bytes. */
export function commentBodies(
  sections: readonly Section[],
  key: string,
  limit = maxComment,
): readonly string[] {
  const marker = markerOf(key);
  const overview = sections.length > 1 ? [overviewOf(sections)] : [];
  const texts = shrunk(sections, limit - byteLength([marker, ...overview, ""].join("\n\n")));
  const pages: string[] = [];
  let page = [marker, ...overview];
  for (const text of texts) {
    const next = [...page, text];
    if (byteLength(next.join("\n\n")) > limit && page.length > 1) {
      pages.push(page.join("\n\n"));
      page = [marker, text];
    } else page = next;
  }
  return [...pages, page.join("\n\n")];
}

/** Rows of the overview. Those that need attention come first. */
const maxRows = 60;

function overviewOf(sections: readonly Section[]): string {
  const sorted = [...sections].sort((a, b) => Number(b.info.attention) - Number(a.info.attention));
  const more = sorted.length - maxRows;
  return [
    "| Stack | What | Found |",
    "| --- | --- | --- |",
    ...sorted.slice(0, maxRows).map(({ info: { project, stack, kind, summary, attention } }) => {
      const words = attention ? `**${plain(summary)}**` : plain(summary);
      return `| ${cell(`${project}/${stack}`)} | ${kind} | ${words} |`;
    }),
    ...(more > 0 ? ["", `And ${count(more, "more", "more")}.`] : []),
  ].join("\n");
}

/** A summary is orch's own words; whatever else a hidden line that was changed by hand holds is left out. */
const plain = (summary: string): string => summary.replace(/[^A-Za-z0-9, ]/g, "").slice(0, 300);

/** `room`: for all of them and an empty line between two. */
function shrunk(sections: readonly Section[], room: number): readonly string[] {
  const bodies = sections.map(({ body }) => body);
  // What a comment says of a section stands behind it: it is not part of what is read back.
  const texts = (): string[] =>
    sections.map(({ info }, i) =>
      [sectionText({ info, body: bodies[i] as string }), ...footer(info)].join("\n\n"),
    );
  const over = (): boolean => texts().reduce((sum, text) => sum + byteLength(text) + 2, 0) > room;
  for (const which of foldedOrder) {
    // The longest first: most is gained for one that is cut.
    const byLength = bodies
      .map((_, i) => i)
      .sort((a, b) => (bodies[b] as string).length - (bodies[a] as string).length);
    for (const i of byLength) {
      if (!over()) return texts();
      bodies[i] = withoutFolded(bodies[i] as string, which);
    }
  }
  return texts();
}

function footer({ commit, url }: Section["info"]): string[] {
  const href = url === undefined ? undefined : safeUrl(url);
  const parts = [
    ...(commit === undefined ? [] : [`Commit ${code(commit.slice(0, 10))}`]),
    ...(href === undefined ? [] : [`[log](<${href}>)`]),
  ];
  return parts.length === 0 ? [] : [parts.join(", ")];
}

function safeUrl(text: string): string | undefined {
  const url = URL.parse(text);
  return url !== null && /^https?:$/.test(url.protocol)
    ? url.href.replace(/[<>`|\\]/g, encodeURIComponent)
    : undefined;
}

/** By the summaries of fit.ts and plan.ts, in the order in which they go. */
const foldedOrder: readonly RegExp[] = [
  /^[\d,]+ resources? unchanged$/,
  /^Outputs$/,
  /^Updated? |^Changed /,
  /^(?!\d+ warning)/,
];

const folded = /^<details><summary>([^\n<]*)<\/summary>\n\n(`{3,})diff\n[\s\S]*?\n\2\n\n<\/details>$/gm;
const withoutFolded = (body: string, which: RegExp): string =>
  body.replace(folded, (block, summary: string) => (which.test(summary) ? `${summary} (left out)` : block));

/** What a person is told of a comment: `3 stacks, 59,120 bytes`. */
export const sizeText = (sections: readonly Section[], bodies: readonly string[]): string =>
  `${count(sections.length, "section")}, ${grouped(bodies.reduce((sum, body) => sum + byteLength(body), 0))} bytes`;
