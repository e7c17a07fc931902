import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { OrchError } from "@orch/core/model/failure";
import { findProject } from "@orch/core/project/project-file";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "orch-project-"));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

async function files(contents: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, text] of Object.entries(contents)) {
    await mkdir(dirname(join(dir, name)), { recursive: true });
    await writeFile(join(dir, name), text);
  }
}
async function failureOf(promise: Promise<unknown>) {
  const error = await promise.then(
    () => expect.fail("it should have failed"),
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(OrchError);
  return (error as OrchError).failure;
}

describe("drift rules", () => {
  test("are read with their places and defaults, from either file", async () => {
    const rules = (indent: string): string =>
      [
        "drift:",
        "  ignore:",
        "    - type: k:apps:Deployment",
        "      paths: [spec.replicas, 'a[\"b.c\"].*']",
        "      reason: scaled by others",
        "      until: 2027-01-31",
        "  unmanaged:",
        "    - type: k:core:ConfigMap",
        "      scope: { namespace: shop, kinds: [a, b] }",
        "",
      ]
        .map((line) => `${indent}${line}\n`)
        .join("");
    for (const [file, head, indent, line] of [
      ["orch.yaml", "name: shop\n", "", 4],
      ["Pulumi.yaml", "name: shop\nruntime: nodejs\norch:\n", "  ", 6],
    ] as const) {
      await files({ [file]: head + rules(indent) });
      const column = 7 + indent.length;
      expect((await findProject(dir)).settings.drift).toEqual({
        ignore: [
          {
            type: "k:apps:Deployment",
            paths: ["spec.replicas", 'a["b.c"].*'],
            reason: "scaled by others",
            until: "2027-01-31",
            source: { file, line, column },
          },
        ],
        unmanaged: [
          {
            type: "k:core:ConfigMap",
            scope: { namespace: "shop", kinds: ["a", "b"] },
            ignore: [],
            source: { file, line: line + 5, column },
          },
        ],
      });
      await rm(join(dir, file));
    }
  });
});

describe("a project", () => {
  test("is found upward, from a Pulumi.yaml as Pulumi writes it", async () => {
    await files({
      "Pulumi.yaml": `name: shop
description: A shop
runtime:
  name: nodejs
  options: { packagemanager: npm }
author: me
backend: { url: "file://~" }
config:
  pulumi:tags: { value: { "pulumi:template": typescript } }
`,
      "src/deep/x.ts": "",
    });
    expect(await findProject(join(dir, "src", "deep"))).toEqual({
      name: "shop",
      description: "A shop",
      dir,
      file: join(dir, "Pulumi.yaml"),
      programDir: dir,
      stackConfigDir: dir,
      settings: { pluginMirrors: [], providers: {} },
      defaultConfig: { "pulumi:tags": '{"pulumi:template":"typescript"}' },
    });
  });

  test("is an orch.yaml too, which goes before a Pulumi.yaml and needs only a name", async () => {
    await files({
      "orch.yaml": `name: mine
backend: sqlite:../state.db
pluginMirrors: [./mirror, "https://mirror.test/{name}-{version}.tgz"]
providers: { kubernetes: direct, aws: plugin }
stackConfigDir: stacks
`,
      "Pulumi.yaml": "name: theirs\nruntime: nodejs\n",
    });
    expect(await findProject(dir)).toMatchObject({
      name: "mine",
      stackConfigDir: join(dir, "stacks"),
      settings: {
        backend: "sqlite:../state.db",
        pluginMirrors: ["./mirror", "https://mirror.test/{name}-{version}.tgz"],
        providers: { kubernetes: "direct", aws: "plugin" },
      },
    });
  });

  test("takes orch's settings from the orch section of a Pulumi.yaml", async () => {
    await files({
      "Pulumi.yaml":
        "name: shop\nruntime: nodejs\norch:\n  backend: sqlite:x.db\n  providers: {kubernetes: direct}\n",
    });
    expect((await findProject(dir)).settings).toEqual({
      backend: "sqlite:x.db",
      pluginMirrors: [],
      providers: { kubernetes: "direct" },
    });
  });

  test("main is a folder or an entry file", async () => {
    await files({ "Pulumi.yaml": "name: shop\nruntime: nodejs\nmain: infra/\n", "infra/index.ts": "" });
    expect(await findProject(dir)).toMatchObject({ programDir: join(dir, "infra") });
    expect((await findProject(dir)).entry).toBeUndefined();
    await files({ "Pulumi.yaml": "name: shop\nruntime: nodejs\nmain: infra/index.ts\n" });
    expect(await findProject(dir)).toMatchObject({ programDir: join(dir, "infra"), entry: "index.ts" });
  });

  test("default configuration: plain values and declarations, own and other namespaces", async () => {
    await files({
      "Pulumi.yaml": `name: shop
runtime: nodejs
config:
  plain: text
  count: 3
  zip: 01234
  account: 123456789012345678901
  on: true
  list: [1, {a: b}]
  aws:region: eu-central-1
  old:config:style: x
  declared: { type: integer, default: 5 }
  described: { type: string, description: to be set }
  valued: { value: { a: 1 } }
  object: { host: h, value: v }
  nothing:
`,
    });
    expect((await findProject(dir)).defaultConfig).toEqual({
      "shop:plain": "text",
      "shop:count": "3",
      "shop:zip": "01234",
      "shop:account": "123456789012345678901",
      "shop:on": "true",
      "shop:list": '[1,{"a":"b"}]',
      "aws:region": "eu-central-1",
      "old:style": "x",
      "shop:declared": "5",
      "shop:valued": '{"a":1}',
      "shop:object": '{"host":"h","value":"v"}',
    });
  });
});

describe("a project file that is wrong", () => {
  test("none at all: where it looked and what to do", async () => {
    const failure = await failureOf(findProject(dir));
    expect(failure.reason).toBe("project-missing");
    expect(failure.message).toContain(dir);
    expect(failure.next?.join()).toContain("orch new");
  });

  const cases: readonly [
    what: string,
    file: string,
    text: string,
    expected: { line: number; column: number; message: RegExp; next?: RegExp; detail?: string },
  ][] = [
    [
      "broken YAML",
      "Pulumi.yaml",
      "name: shop\nruntime: nodejs\nconfig:\n  a: [1, 2\n",
      { line: 4, column: 11, message: /^Pulumi\.yaml:4:11: /, detail: "4 |   a: [1, 2\n              ^" },
    ],
    [
      "bad indentation",
      "Pulumi.yaml",
      "name: shop\nruntime:\n    name: nodejs\n  options: {}\n",
      { line: 4, column: 1, message: /same column/, detail: "4 |   options: {}\n    ^" },
    ],
    [
      "a tab",
      "Pulumi.yaml",
      "name: shop\nruntime:\n\tname: nodejs\n",
      { line: 3, column: 1, message: /tab/i },
    ],
    [
      "a key twice",
      "Pulumi.yaml",
      "name: shop\nruntime: nodejs\nname: again\n",
      { line: 3, column: 1, message: /unique/ },
    ],
    ["no name", "Pulumi.yaml", "runtime: nodejs\n", { line: 1, column: 1, message: /name: is missing/ }],
    ["an empty file", "orch.yaml", "", { line: 1, column: 1, message: /name: is missing/ }],
    ["a list", "orch.yaml", "- name: x\n", { line: 1, column: 1, message: /./ }],
    [
      "a name that can't be in a URN",
      "Pulumi.yaml",
      "runtime: nodejs\nname: my shop\n",
      { line: 2, column: 1, message: /name: must be 1 to 100 letters/ },
    ],
    [
      "another runtime",
      "Pulumi.yaml",
      "name: shop\nruntime: python\n",
      {
        line: 2,
        column: 1,
        message: /can't run "python"/,
        next: /nodejs/,
        detail: "2 | runtime: python\n    ^",
      },
    ],
    [
      "another runtime in a map",
      "Pulumi.yaml",
      "name: shop\nruntime:\n  name: go\n",
      { line: 3, column: 3, message: /can't run "go"/ },
    ],
    ["no runtime", "Pulumi.yaml", "name: shop\n", { line: 1, column: 1, message: /runtime: must be nodejs/ }],
    [
      "a main that is not there",
      "Pulumi.yaml",
      "name: shop\nruntime: nodejs\nmain: src/\n",
      { line: 3, column: 1, message: /there is no src\// },
    ],
    [
      "a setting that orch does not have",
      "orch.yaml",
      "name: shop\nbackned: sqlite:x\n",
      { line: 2, column: 1, message: /no setting "backned"/, next: /backend/ },
    ],
    [
      "one in the orch section",
      "Pulumi.yaml",
      "name: shop\nruntime: nodejs\norch:\n  provider: {}\n",
      { line: 4, column: 3, message: /orch\.provider: there is no setting/, next: /providers/ },
    ],
    [
      "a provider of no kind",
      "orch.yaml",
      "name: shop\nproviders:\n  aws: remote\n",
      { line: 3, column: 3, message: /providers\.aws: must be "plugin" or "direct"/ },
    ],
    [
      "mirrors that are no list of texts",
      "orch.yaml",
      "name: shop\npluginMirrors:\n  - a\n  - [b]\n",
      { line: 4, column: 5, message: /pluginMirrors\.1: must be a folder/ },
    ],
    [
      "a drift rule with a misspelt setting",
      "orch.yaml",
      "name: shop\ndrift:\n  ignore:\n    - type: a:b:C\n      path: [x]\n      reason: r\n",
      { line: 5, column: 7, message: /drift\.ignore\.0\.path: there is no setting/, next: /paths/ },
    ],
    [
      "a drift rule for a path that is none",
      "Pulumi.yaml",
      "name: shop\nruntime: nodejs\norch:\n  drift:\n    ignore:\n      - type: a:b:C\n        paths: ['a[x']\n        reason: r\n",
      { line: 7, column: 17, message: /orch\.drift\.ignore\.0\.paths\.0: must be a property path/ },
    ],
    [
      "a drift rule until a day that there is not",
      "orch.yaml",
      "name: shop\ndrift:\n  ignore:\n    - { type: 'a:b:C', paths: [x], reason: r, until: 2027-02-30 }\n",
      { line: 4, column: 47, message: /until: must be a date such as/ },
    ],
    [
      "a drift rule for everything",
      "orch.yaml",
      "name: shop\ndrift:\n  ignore:\n    - { paths: [x], reason: r }\n",
      { line: 4, column: 7, message: /drift\.ignore\.0: needs a type or a urn/ },
    ],
    [
      "a rule for what is no type",
      "orch.yaml",
      "name: shop\ndrift:\n  unmanaged:\n    - type: Bucket\n",
      { line: 4, column: 7, message: /drift\.unmanaged\.0\.type: must be a type such as/ },
    ],
    [
      "configuration that is no map",
      "Pulumi.yaml",
      "name: shop\nruntime: nodejs\nconfig: 5\n",
      { line: 3, column: 1, message: /config: must be a map/ },
    ],
    [
      "a key that is none",
      "Pulumi.yaml",
      "name: shop\nruntime: nodejs\nconfig:\n  a:b:c: 1\n",
      { line: 4, column: 3, message: /"a:b:c" is not a configuration key/ },
    ],
    [
      "a key with and without its namespace",
      "Pulumi.yaml",
      "name: shop\nruntime: nodejs\nconfig:\n  a: 1\n  shop:a: 2\n",
      { line: 5, column: 3, message: /shop:a is given twice/ },
    ],
    [
      "a secret",
      "Pulumi.yaml",
      "name: shop\nruntime: nodejs\nconfig:\n  a: { secure: v1:x:y }\n",
      { line: 4, column: 3, message: /belongs to a stack/, next: /config set --secret/ },
    ],
  ];
  test.each(cases)("%s", async (_, file, text, expected) => {
    await files({ [file]: text });
    const failure = await failureOf(findProject(dir));
    expect(failure.reason).toBe("project-invalid");
    expect(failure.message).toMatch(expected.message);
    expect(failure.source).toEqual({ file, line: expected.line, column: expected.column });
    expect(failure.message.startsWith(`${file}:${expected.line}:${expected.column}: `)).toBe(true);
    expect(failure.detail).toMatch(/\d+ \| .*\n *\t*\^/);
    if (expected.detail) expect(failure.detail).toBe(expected.detail);
    expect(failure.next?.join()).toMatch(expected.next ?? /./);
  });
});
