/** What differs between two states of a stack. */
import type { RowChange } from "@orch/core/state/row-diff";
import type { Json } from "@orch/core/wire/json";
import { renderChanges } from "./changes.js";
import { changesJson } from "./json.js";
import { shortType } from "./names.js";
import { count, visible } from "./text.js";
import type { Theme } from "./theme.js";
import type { ValueView } from "./value.js";

const kinds = {
  created: { symbol: "+", style: (t: Theme) => t.create },
  changed: { symbol: "~", style: (t: Theme) => t.update },
  replaced: { symbol: "±", style: (t: Theme) => t.replace },
  deleted: { symbol: "-", style: (t: Theme) => t.remove },
} as const;

export function renderRowChanges(changes: readonly RowChange[], view: ValueView): string[] {
  const { theme } = view;
  const out = changes.flatMap((change) => rowLines(change, view));
  if (changes.length === 0) return ["The same."];
  const counts = (Object.keys(kinds) as (keyof typeof kinds)[])
    .map((kind) => [kind, changes.filter((change) => change.kind === kind).length] as const)
    .filter(([, n]) => n > 0)
    .map(([kind, n]) => `${n} ${kind}`);
  return [...out, "", `${theme.bold(count(changes.length, "resource"))}: ${counts.join(", ")}.`];
}

function rowLines({ kind, before, after, changes, fields }: RowChange, view: ValueView): string[] {
  const { theme } = view;
  const { symbol, style } = kinds[kind];
  const row = after ?? before;
  if (row === undefined) return [];
  const ids = [...new Set([before?.id, after?.id])].filter((id) => id !== undefined && id !== "");
  const marks = row.deposed === undefined ? "" : theme.warning(" [old half of a replace]");
  const lines = [
    `${style(theme)(symbol)} ${visible(shortType(row.type))} ${theme.name(visible(row.name))}${ids.length === 0 ? "" : theme.dim(` (${visible(ids.join(" → "))})`)}${marks}`,
  ];
  if (view.full) lines.push(`    ${theme.dim(visible(row.urn))}`);
  for (const [side, title] of [
    ["input", undefined],
    ["output", "outputs:"],
  ] as const) {
    // What the SDK keeps for itself is of no interest to people.
    const shown = changes.filter(
      (change) => change.side === side && (view.full || !String(change.path[0] ?? "").startsWith("__")),
    );
    if (shown.length === 0) continue;
    if (title !== undefined) lines.push(`    ${theme.dim(title)}`);
    const indent = title === undefined ? "    " : "      ";
    lines.push(...renderChanges(shown, view).map((line) => `${indent}${line}`));
  }
  if (fields.length > 0) lines.push(`    ${theme.dim(`also different: ${fields.join(", ")}`)}`);
  return lines;
}

export function rowChangeJson({ urn, kind, before, after, changes, fields }: RowChange): {
  [key: string]: Json;
} {
  const row = after ?? before;
  return {
    urn,
    ...(row === undefined ? {} : { resourceType: row.type, name: row.name }),
    ...(row?.deposed === undefined ? {} : { deposed: row.deposed }),
    kind,
    ...(before?.id === undefined ? {} : { idBefore: before.id }),
    ...(after?.id === undefined ? {} : { idAfter: after.id }),
    // `effect` belongs to plans.
    changes: changesJson({ changes }).map((change) => {
      const { effect: _, ...rest } = change as { [key: string]: Json };
      return rest;
    }),
    fields: [...fields],
  };
}
