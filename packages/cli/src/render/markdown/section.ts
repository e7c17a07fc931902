/**
 * A section: what one stack has to say in a comment, between two hidden lines by which it is found again and put in its place by the next run.
 * The first line holds what is to be known of it, as `key=value` in percent-encoding.
 *
 * Hidden lines are found at the beginning of a line alone. Foreign text never stands there; see escape.ts.
 */

/** Those of one stack stand beside each other. */
export type SectionKind = "plan" | "apply" | "drift";

export interface SectionInfo {
  readonly kind: SectionKind;
  readonly project: string;
  readonly stack: string;
  /** When it was made, in milliseconds since the epoch: of two for one stack, the later one holds. */
  readonly at: number;
  /** Of the plan. */
  readonly digest?: string;
  /** Is all as it should be? Becomes the commit's status. */
  readonly state: "success" | "failure";
  /** One line in plain words: `2 to create, 1 to delete`. */
  readonly summary: string;
  /** Must a person look: are there deletions, replaces, drift, failures? */
  readonly attention: boolean;
  /** What it was made of, and by which run: set when it is put into a comment. */
  readonly commit?: string;
  readonly url?: string;
}

export interface Section {
  readonly info: SectionInfo;
  /** The Markdown between the hidden lines. */
  readonly body: string;
}

/** Sections of one identity take each other's place. */
export const sectionId = ({ kind, project, stack }: SectionInfo): string =>
  JSON.stringify([project, stack, kind]);

/** `-` too, as two of them end a comment in HTML. */
const encode = (text: string): string =>
  encodeURIComponent(text.toWellFormed()).replaceAll("-", "%2D").replaceAll("!", "%21");

const begin = "<!-- orch:section ";
const end = "<!-- orch:end -->";

export function sectionText({ info, body }: Section): string {
  const { kind, project, stack, at, digest, state, summary, attention, commit, url } = info;
  const members = { kind, project, stack, at, digest, state, summary, attention, commit, url };
  const text = Object.entries(members)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `${key}=${encode(String(value))}`)
    .join(" ");
  return `${begin}${text} -->\n${body}\n${end}`;
}

/** The sections of a text, in its order. Anything else in it is left out, a section without its end too. */
export function parseSections(text: string): readonly Section[] {
  const sections: Section[] = [];
  let info: SectionInfo | undefined;
  let body: string[] = [];
  for (const line of text.split(/\r?\n/)) {
    if (line.startsWith(begin) && line.endsWith(" -->")) {
      info = parseInfo(line.slice(begin.length, -" -->".length));
      body = [];
    } else if (line === end) {
      if (info !== undefined) sections.push({ info, body: body.join("\n") });
      info = undefined;
    } else body.push(line);
  }
  return sections;
}

function parseInfo(text: string): SectionInfo | undefined {
  try {
    const of = Object.fromEntries(
      text.split(" ").map((pair) => {
        const at = pair.indexOf("=");
        return [pair.slice(0, at), decodeURIComponent(pair.slice(at + 1))];
      }),
    ) as Partial<Record<keyof SectionInfo, string>>;
    const { kind, project, stack, at, digest, state, summary = "", attention, commit, url } = of;
    if (kind !== "plan" && kind !== "apply" && kind !== "drift") return undefined;
    if (project === undefined || stack === undefined || at === undefined) return undefined;
    if (!/^\d{1,15}$/.test(at)) return undefined;
    return {
      kind,
      project,
      stack,
      at: Number(at),
      ...(digest === undefined ? {} : { digest }),
      state: state === "success" ? "success" : "failure",
      summary,
      attention: attention === "true",
      ...(commit === undefined ? {} : { commit }),
      ...(url === undefined ? {} : { url }),
    };
  } catch {
    return undefined; // Not percent-encoding: somebody changed it by hand, and the next run writes it anew.
  }
}
