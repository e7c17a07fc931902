/** The package `rest` against a real application's API: PowerDNS's. */
import type { DefinitionInput } from "@orch/providers/rest/definition";
import { restLoader } from "@orch/providers/rest/index";
import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { providerConformance } from "../conformance/provider.js";
import { failureOf, type Live, startLive } from "./live.js";
import { type LabPdns, startPdns } from "./pdns.js";
import { describeLab } from "./requirements.js";

/** https://doc.powerdns.com/authoritative/http-api/zone.html */
const zone: DefinitionInput = {
  schema: z.toJSONSchema(
    z.strictObject({
      name: z.string().regex(/\.$/),
      kind: z.enum(["Native", "Master", "Slave"]),
      account: z.string().optional(),
      nameservers: z.array(z.string()).optional(),
    }),
    { io: "input" },
  ) as Record<string, unknown>,
  path: "/zones",
  id: { is: "{name}" },
  update: { method: "PUT", format: "changed" },
  list: { whole: true },
  writeOnly: ["nameservers"],
  outputs: ["dnssec"],
};

describeLab("lab: the rest provider on PowerDNS", ["pdns"], () => {
  let pdns: LabPdns;
  let names = 0;
  beforeAll(async () => {
    pdns = await startPdns();
  }, 60_000);
  afterAll(() => pdns?.remove());

  const config = (key = pdns.apiKey) => ({
    url: `${pdns.url}/api/v1/servers/localhost`,
    auth: { type: "header", name: "X-API-Key", value: key },
    resources: { Zone: zone } as never,
  });
  const properties = () => ({ name: `z${++names}.example.`, kind: "Native", account: "a" });
  const nameOf = (id: string) => decodeURIComponent(String(id.split("/").at(-1)));

  providerConformance("rest:index:Resource", async () => {
    const context = { projectDir: "/", project: "p", stack: "s", log: () => {} };
    const provider = await restLoader().load({ name: "rest" }, context);
    if (provider === undefined) throw new Error("no provider");
    const own = properties();
    const of = (more: object) => ({ kind: "Zone", properties: { ...own, ...more } });
    return {
      provider,
      config: config(),
      type: "rest:index:Resource",
      inputs: of({}),
      changed: of({ account: "b", kind: "Master" }),
      replaced: of({ name: properties().name }),
      invalid: {
        inputs: of({ name: "nodot", kind: "native" }),
        paths: ["properties.name", "properties.kind"],
      },
      more: [of(properties()), of(properties())],
      secretProperty: "properties",
      exists: async (id: string) => (await pdns.api("GET", `zones/${nameOf(id)}`)).status === 200,
      count: async () => ((await pdns.api("GET", "zones")).json as unknown[]).length,
      remove: async (id: string) => void (await pdns.api("DELETE", `zones/${nameOf(id)}`)),
    };
  });

  test("one that is there already is taken over when it is the same, else refused with its id", async () => {
    const live = await startLive(restLoader(), "rest", config());
    const own = properties();
    await pdns.api("POST", "zones", { ...own, nameservers: [] });
    const made = await live.create("Resource", { kind: "Zone", properties: own });
    expect(made.id).toBe(`Zone/${own.name}`);
    const other = { kind: "Zone", properties: { ...own, account: "other" } };
    expect(await failureOf(live.create("Resource", other))).toMatchObject({
      reason: "conflict",
      found: `Zone/${own.name}`,
    });
  });

  test("an invalid name and a wrong key: PowerDNS's own words", async () => {
    const live = await startLive(restLoader(), "rest", config());
    const bad = { kind: "Zone", properties: { name: "a..b.", kind: "Native" } };
    expect(await failureOf(live.create("Resource", bad))).toMatchObject({
      reason: "provider-error",
      found: expect.stringMatching(/^HTTP 4\d\d: /),
    });
    const wrong = await startLive(restLoader(), "rest", config("not-the-key"));
    const failure = await failureOf(wrong.create("Resource", { kind: "Zone", properties: properties() }));
    expect(failure.reason).toBe("authentication-failed");
    expect(JSON.stringify(failure)).not.toContain("not-the-key");
  });

  test("reads many zones with one request", async () => {
    const live = await startLive(restLoader(), "rest", config());
    const made: Live[] = [];
    for (let i = 0; i < 30; i++)
      made.push(await live.create("Resource", { kind: "Zone", properties: properties() }));
    const before = pdns.requests().length;
    const answers = await live.readMany(made);
    expect(answers.map((answer) => "object" in answer && answer.object?.id)).toEqual(
      made.map(({ id }) => id),
    );
    expect(pdns.requests().length - before).toBeLessThan(5);
  });
});
