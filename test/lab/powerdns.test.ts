/** The powerdns provider against a real PowerDNS. */
import type { PropertyMap } from "@orch/core/model/value";
import { powerdnsLoader } from "@orch/providers/powerdns/index";
import { afterAll, beforeAll, expect, test } from "vitest";
import { providerConformance } from "../conformance/provider.js";
import { failureOf, type Live, startLive } from "./live.js";
import { type LabPdns, startPdns } from "./pdns.js";
import { freePort, HOST } from "./process.js";
import { describeLab } from "./requirements.js";

describeLab("lab: the powerdns provider on PowerDNS", ["pdns"], () => {
  let pdns: LabPdns;
  let names = 0;
  const fresh = (): string => `n${++names}`;
  beforeAll(async () => {
    pdns = await startPdns();
    await pdns.api("POST", "zones", {
      name: "example.test.",
      kind: "Native",
      nameservers: ["ns1.example.net."],
    });
    await pdns.api("POST", "zones", { name: "other.test.", kind: "Native", nameservers: [] });
  });
  afterAll(async () => {
    await pdns?.remove();
  });
  const config = (more: PropertyMap = {}): PropertyMap => ({ url: pdns.url, apiKey: pdns.apiKey, ...more });
  const start = (more: PropertyMap = {}) => startLive(powerdnsLoader(), "powerdns", config(more));
  const zone = "example.test";
  const load = async () => {
    const context = { projectDir: "/", project: "conformance", stack: "test", log: () => {} };
    const provider = await powerdnsLoader().load({ name: "powerdns" }, context);
    if (provider === undefined) throw new Error("no provider");
    return provider;
  };
  interface ApiSets {
    readonly rrsets: readonly { name: string; type: string; records: readonly { content: string }[] }[];
  }
  const sets = async (of = zone) => ((await pdns.api("GET", `zones/${of}.`)).json as ApiSets).rrsets;
  const parts = (id: string) => {
    const [zone, name, type] = id.split("/") as [string, string, string];
    return { name: `${name}.${zone}.`, type };
  };
  const patch = (rrset: object) => pdns.api("PATCH", `zones/${zone}.`, { rrsets: [rrset] });
  const put = (name: string, type: string, ...contents: string[]) =>
    patch({
      name: `${name}.${zone}.`,
      type,
      ttl: 60,
      changetype: "REPLACE",
      records: contents.map((content) => ({ content, disabled: false })),
    });

  providerConformance("powerdns:index:RecordSet", async () => {
    const name = fresh();
    const base = { zone, name, type: "MX", ttl: 60 };
    return {
      provider: await load(),
      config: config(),
      type: "powerdns:index:RecordSet",
      inputs: { ...base, records: ["10 a.example.net.", "20 b.example.net."] },
      changed: { ...base, ttl: 61, records: ["10 a.example.net."] },
      replaced: { ...base, name: fresh(), records: ["10 a.example.net."] },
      invalid: { inputs: { zone, name, type: "A", records: ["x"], ttl: 5 }, paths: ["records[0]"] },
      failing: { zone: "elsewhere.test", name, type: "A", records: ["192.0.2.1"] },
      secretProperty: "name",
      more: [1, 2].map((i) => ({ ...base, name: `${name}-${i}`, records: ["0 ."] })),
      within: { scope: { zone }, outside: { zone: "other.test", name, type: "TXT", records: ["beside"] } },
      exists: async (id: string) =>
        (await sets()).some((set) => set.name === parts(id).name && set.type === parts(id).type),
      count: async () => (await sets()).length,
      remove: async (id: string) => void (await patch({ ...parts(id), changetype: "DELETE" })),
    };
  });

  providerConformance("powerdns:index:Zone", async () => {
    const name = `${fresh()}.zone.test`;
    const zones = async () => (await pdns.api("GET", "zones")).json as readonly { id: string }[];
    const inputs = { name, nameservers: ["ns1.example.net", "ns2.example.net"], account: "team-one" };
    return {
      provider: await load(),
      config: config(),
      type: "powerdns:index:Zone",
      inputs,
      changed: {
        ...inputs,
        kind: "Master",
        nameservers: ["ns3.example.net."],
        soaEditApi: "INCREASE",
        dnssec: true,
      },
      replaced: { ...inputs, name: `other.${name}` },
      invalid: {
        inputs: { name: "a..b", kind: "Slave", masters: ["nowhere"], nameservers: ["one"] },
        paths: ["name", "masters[0]", "nameservers[0]", "nameservers"],
      },
      failing: { name: zone, kind: "Master" },
      secretProperty: "account",
      more: [1, 2].map((i) => ({ name: `more${i}.${name}` })),
      exists: async (id: string) => (await zones()).some((each) => each.id === `${id}.`),
      count: async () => (await zones()).length,
      remove: async (id: string) => void (await pdns.api("DELETE", `zones/${id}.`)),
    };
  });

  test("a zone and its records: what is there is what was written", async () => {
    const live = await start();
    const made = await live.create("Zone", {
      name: "Bücher.test",
      nameservers: ["ns2.example.net", "ns1.example.net"],
      soaEdit: "INCEPTION-INCREMENT",
      apiRectify: true,
    });
    expect(made.id).toBe("xn--bcher-kva.test");
    expect((await live.import("Zone", made.id))?.inputs).toEqual(made.inputs);
    const cases: [string, string[]][] = [
      ["A", ["192.0.2.1", "192.0.2.2"]],
      ["AAAA", ["2001:DB8::1"]],
      ["CAA", ['0 issue "ca.example.net"']],
      ["MX", ["10 mail.example.net"]],
      ["NAPTR", ['100 10 S SIP+D2U "" _sip._udp.example.net']],
      ["SRV", ["10 5 5060 sip.example.net"]],
      ["SSHFP", [`4 2 ${"ab".repeat(32)}`]],
      ["TLSA", [`3 1 1 ${"cd".repeat(32)}`]],
      ["TXT", ['say "hi" größe', "k".repeat(600)]],
      ["DS", ["60485 5 1 2bb183af5f22588179a53b0a98631fad1a292118"]],
    ];
    const records: Live[] = [];
    for (const [type, values] of cases)
      records.push(
        await live.create("RecordSet", {
          zone: "bücher.test",
          name: type === "DS" ? "cut" : "www",
          type,
          records: values,
        }),
      );
    for (const each of records) expect(await live.read(each)).toEqual(each);
    expect(await failureOf(live.delete(made))).toMatchObject({
      reason: "conflict",
      path: "purge",
      found: expect.stringContaining("10, among them"),
    });
    const purging = await live.update(made, { ...made.inputs, purge: true });
    await live.delete(purging);
    expect(await live.read(made)).toBeUndefined();
    for (const each of records) await live.delete(each);
  });

  test("a creation that was cut off is found again; somebody else's is not taken", async () => {
    const live = await start();
    const inputs = { zone, name: fresh(), type: "A", ttl: 60, records: ["192.0.2.1"] };
    const made = await live.create("RecordSet", inputs);
    expect(await live.create("RecordSet", inputs)).toEqual(made);
    expect(await failureOf(live.create("RecordSet", { ...inputs, records: ["192.0.2.2"] }))).toMatchObject({
      reason: "conflict",
      expected: "no such records",
      found: "TTL 60: 192.0.2.1",
    });
    expect(
      await failureOf(live.create("RecordSet", { ...inputs, type: "CNAME", records: ["a.example.net."] })),
    ).toMatchObject({
      reason: "conflict",
      found: expect.stringContaining("Conflicts with pre-existing RRset"),
    });

    const zoneInputs = { name: `${fresh()}.test`, nameservers: ["ns1.example.net"] };
    const made2 = await live.create("Zone", zoneInputs);
    expect(await live.create("Zone", zoneInputs)).toEqual(made2);
    expect(
      await failureOf(live.create("Zone", { ...zoneInputs, kind: "Master", account: "x" })),
    ).toMatchObject({
      reason: "conflict",
      path: "kind",
      expected: 'kind: "Master", account: "x"',
      found: 'kind: "Native", account: ""',
    });
  });

  test("what somebody changed between plan and apply is a conflict with both values", async () => {
    const live = await start();
    const name = fresh();
    const inputs = { zone, name, type: "A", ttl: 60, records: ["192.0.2.1"] };
    const made = await live.create("RecordSet", inputs);
    await put(name, "A", "192.0.2.66");
    const both = { reason: "conflict", expected: "TTL 60: 192.0.2.1", found: "TTL 60: 192.0.2.66" };
    expect(await failureOf(live.update(made, { ...inputs, ttl: 90 }))).toMatchObject(both);
    expect(await failureOf(live.delete(made))).toMatchObject(both);
    const seen = (await live.read(made)) as Live;
    expect((await live.update(seen, inputs)).outputs).toEqual(made.outputs);
  });

  test("many are read with one request", async () => {
    const live = await start();
    const made = await Promise.all(
      Array.from({ length: 40 }, (_, i) =>
        live.create("RecordSet", { zone, name: `many${i}`, type: "A", records: [`192.0.2.${i}`] }),
      ),
    );
    /** The server writes its log a little later than it answers: read once it has grown no more. */
    const gets = async () => {
      for (let seen = -1; ; ) {
        const requests = pdns.requests().filter((request) => request.startsWith("GET"));
        if (requests.length === seen) return requests;
        seen = requests.length;
        await new Promise((resolve) => setTimeout(resolve, 300));
      }
    };
    const before = (await gets()).length;
    const answers = await live.readMany([...made, { ...(made[0] as Live), id: "nowhere.test/x/A" }]);
    expect((await gets()).slice(before).sort()).toEqual([
      "GET /api/v1/servers/localhost/zones/example.test.",
      expect.stringContaining("/zones/nowhere.test."),
    ]);
    for (const [i, each] of made.entries()) expect(answers[i]).toMatchObject({ object: { id: each.id } });
    expect(answers[40]).toMatchObject({ failure: { path: "zone" } });
  });

  test("a wrong key, a wrong server, a wrong port, and a restart", async () => {
    const wrong = await start({ apiKey: "not-the-right-key" });
    const failure = await failureOf(wrong.import("RecordSet", `${zone}/www/A`));
    expect(failure).toMatchObject({ reason: "authentication-failed" });
    expect(JSON.stringify(failure)).not.toContain("not-the-right-key");
    const noServer = await start({ serverId: "elsewhere" });
    expect(await failureOf(noServer.list("Zone", {}))).toMatchObject({ path: "serverId" });
    const nowhere = await start({ url: `http://${HOST}:${await freePort()}` });
    expect(await failureOf(nowhere.list("Zone", {}))).toMatchObject({
      reason: "connection-failed",
      next: [expect.stringContaining("webserver=yes")],
    });
    const live = await start();
    await pdns.stop();
    const creating = live.create("RecordSet", { zone, name: fresh(), type: "A", records: ["192.0.2.1"] });
    await pdns.start();
    const made = await creating;
    expect(await live.read(made)).toEqual(made);
  });
});
