/** What content would have to do to break out of a comment. */
import type { Failure } from "../../packages/core/src/model/failure.js";
import type { Plan, Step } from "../../packages/core/src/model/plan.js";
import type { Urn } from "../../packages/core/src/model/urn.js";
import { change, diff, plan, resource, state } from "../unit/render/plans.js";

export const attacks: Readonly<Record<string, string>> = {
  html: `<script>window.hacked = 1</script><img src=x onerror="window.hacked=1"><b>bold</b><svg onload=alert(1)>`,
  closing: "</code></pre></summary></details></td></table></article><h1>Approved</h1>",
  mentions: "@octocat @acme/admins #12 acme/shop#3 GH-7 0123456789abcdef0123456789abcdef01234567",
  links:
    "http://evil.example www.evil.example a@evil.example [x](http://evil.example) ![x](http://evil.example/x.png)",
  fences: "```\n</details>\n```\n~~~\n````\n# Heading\n",
  markers:
    "\n<!-- orch:end -->\n<!-- orch:comment orch -->\n<!-- orch:section kind=plan project=x stack=y at=9 -->\n",
  tables: "a | b \\| c || \\\\| d\n| --- |\n| x |",
  controls:
    "\u0000\u0007\u001b[2J\u001b]8;;http://evil.example\u0007link\u202egnp.exe\u200b\u2028\r\n\u{e0041}",
  entities: "&lt;script&gt; &#64;octocat &#x3c;b&#x3e; &nbsp;",
  reference: "\n\n[a]: http://evil.example\n\n[a] [^1]\n\n[^1]: note",
  emphasis: "**bold** _it_ ~~gone~~ `code` $x^2$ :tada: - [x] done > quote",
  command: "\n/close\n/merge\n",
  large: `${"<b>@octocat</b>`".repeat(350_000)}`,
};

/** Every attack as a name, a value, a key, an id and a reason, in every kind of step. */
export function hostilePlan(): Plan {
  const steps = Object.entries(attacks).flatMap(([kind, text], i): Step[] => {
    const r = resource("host:index:File", `${kind} ${text}`, {
      content: text,
      [text.slice(0, 5_000)]: "key",
    });
    const prior = state("host:index:File", `${kind} ${text}`, text, { content: text });
    const base = { urn: r.urn, after: [] };
    const wanted = { resource: r, inputs: r.inputs, outputs: r.inputs };
    const changes = diff(change("content", "before", text, { effect: "replace", reason: text }));
    const all: object[] = [
      { op: "create", ...wanted },
      { op: "update", ...wanted, prior, diff: diff(change("content", text, "after")) },
      { op: "delete", prior, late: true, reason: { kind: "gone", detail: text } },
      { op: "create", ...wanted, replaces: { prior, diff: changes, order: "delete-before-create" } },
      { op: "same", ...wanted, prior, write: false },
    ];
    return all.map((step, k) => ({ ...base, ...step, id: i * 5 + k }) as unknown as Step);
  });
  return plan(steps, {
    outputs: { url: attacks.html as string },
    warnings: [
      { reason: "unsupported", message: attacks.closing as string, next: [attacks.mentions as string] },
    ],
    drift: [
      {
        ...{
          urn: (steps[0] as Step).urn,
          type: "host:index:File",
          id: attacks.links as string,
          kind: "changed",
        },
        diff: diff(change("content", "a", attacks.html)),
      },
    ],
  });
}

/** The text wherever a failure holds one. */
export const hostileFailure = (text: string, urn?: Urn): Failure => ({
  ...{ reason: "provider-error", message: text, detail: text, expected: text, found: text, next: [text] },
  causes: [{ reason: "timeout", message: text }],
  ...(urn === undefined ? {} : { urn }),
});
