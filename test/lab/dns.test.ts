/** The dns provider against a real BIND: updates with TSIG, lookups, transfers, and what goes wrong. */
import { createServer, type Socket } from "node:net";
import type { PropertyMap } from "@orch/core/model/value";
import { dnsLoader } from "@orch/providers/dns/index";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { providerConformance } from "../conformance/provider.js";
import { type LabBind, startBind } from "./bind.js";
import { failureOf, type Live, startLive } from "./live.js";
import { freePort, HOST } from "./process.js";
import { describeLab } from "./requirements.js";

describeLab("lab: the dns provider on BIND", ["bind9"], () => {
  let bind: LabBind;
  let names = 0;
  const fresh = (): string => `n${++names}`;
  beforeAll(async () => {
    bind = await startBind();
  });
  afterAll(async () => {
    await bind?.remove();
  });
  const config = (key = bind.key, more: PropertyMap = {}): PropertyMap => ({
    server: bind.host,
    port: bind.port,
    keyName: key.name,
    keyAlgorithm: key.algorithm,
    keySecret: key.secret,
    ...more,
  });
  const start = (more: PropertyMap = {}) => startLive(dnsLoader(), "dns", config(bind.key, more));
  const zone = "example.test";

  providerConformance("dns:index:RecordSet on BIND", async () => {
    const context = { projectDir: "/", project: "conformance", stack: "test", log: () => {} };
    const provider = await dnsLoader().load({ name: "dns" }, context);
    if (provider === undefined) throw new Error("no provider");
    const name = fresh();
    const base = { zone, name, type: "MX", ttl: 60 };
    const parts = (id: string) => {
      const [zone, name, type] = id.split("/") as [string, string, string];
      return { fqdn: `${name}.${zone}.`, type };
    };
    return {
      provider,
      config: config(),
      type: "dns:index:RecordSet",
      inputs: { ...base, records: ["10 a.example.net.", "20 b.example.net."] },
      changed: { ...base, ttl: 61, records: ["10 a.example.net."] },
      replaced: { ...base, name: fresh(), records: ["10 a.example.net."] },
      invalid: {
        inputs: { zone: "a..b", name, type: "A", ttl: -1, records: ["192.0.2.1"], colour: "red" },
        paths: ["ttl", "colour"],
      },
      failing: { zone: "elsewhere.test", name, type: "A", records: ["192.0.2.1"] },
      secretProperty: "name",
      more: [1, 2, 3].map((i) => ({ ...base, name: `${name}-${i}`, records: ["0 ."] })),
      within: {
        scope: { zone },
        outside: { zone: "closed.test", name, type: "TXT", records: ["beside"] },
      },
      exists: async (id: string) => (await bind.dig(parts(id).fqdn, parts(id).type)).length > 0,
      count: async () => (await bind.zone()).length,
      remove: async (id: string) => bind.nsupdate(`update delete ${parts(id).fqdn} ${parts(id).type}`),
      invoke: {
        token: "dns:index:reverse",
        args: { address: "2001:db8::1" },
        result: { name: "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa." },
      },
    };
  });

  test.each<[type: string, given: string[], dug: string]>([
    ["A", ["192.0.2.1"], "60 IN A 192.0.2.1"],
    ["AAAA", ["2001:DB8::0001"], "60 IN AAAA 2001:db8::1"],
    ["CAA", ["0 ISSUE ca.example.net"], '60 IN CAA 0 issue "ca.example.net"'],
    ["CNAME", ["Elsewhere.Example.net"], "60 IN CNAME elsewhere.example.net."],
    ["DNAME", ["example.net"], "60 IN DNAME example.net."],
    ["MX", ["10 Mail.example.net"], "60 IN MX 10 mail.example.net."],
    [
      "NAPTR",
      ['100 10 S SIP+D2U "" _sip._udp.example.test'],
      `60 IN NAPTR 100 10 "S" "SIP+D2U" "" _sip._udp.example.test.`,
    ],
    ["NS", ["ns.elsewhere.test"], ""],
    ["PTR", ["host.example.test"], "60 IN PTR host.example.test."],
    ["SRV", ["10 5 5060 sip.example.net"], "60 IN SRV 10 5 5060 sip.example.net."],
    ["SSHFP", [`4 2 ${"ab".repeat(32)}`], `60 IN SSHFP 4 2 ${"AB".repeat(28)} ${"AB".repeat(4)}`],
    ["TLSA", [`3 1 1 ${"cd".repeat(32)}`], `60 IN TLSA 3 1 1 ${"CD".repeat(28)} ${"CD".repeat(4)}`],
    ["TXT", ['say "hi" \\ größe'], '60 IN TXT "say \\"hi\\" \\\\ gr\\195\\182\\195\\159e"'],
    ["TXT", ["k".repeat(600)], `60 IN TXT "${"k".repeat(255)}" "${"k".repeat(255)}" "${"k".repeat(90)}"`],
  ])("%s %j is what BIND has, and is read as it was written", async (type, records, dug) => {
    const dns = await start();
    const made = await dns.create("RecordSet", { zone, name: fresh(), type, ttl: 60, records });
    if (dug !== "") expect(await bind.dig(made.outputs.fqdn as string, type)).toEqual([dug]);
    expect(await dns.read(made)).toEqual(made);
    expect((await dns.import("RecordSet", made.id))?.inputs).toEqual(made.inputs);
    await dns.delete(made);
    expect(await dns.read(made)).toBeUndefined();
  });

  test("international names, the zone's own name, wildcards and reverse zones", async () => {
    const dns = await start();
    const idn = await dns.create("RecordSet", {
      zone: "EXAMPLE.test.",
      name: "Bücher",
      type: "A",
      records: ["192.0.2.9"],
    });
    expect(idn.id).toBe("example.test/xn--bcher-kva/A");
    const own = await dns.create("RecordSet", { zone, name: "@", type: "TXT", records: ["own"] });
    expect(own).toMatchObject({ id: "example.test/@/TXT", outputs: { fqdn: "example.test." } });
    const ptr = await dns.create("RecordSet", {
      zone: "2.0.192.in-addr.arpa",
      name: "9.2.0.192.in-addr.arpa.",
      type: "PTR",
      records: ["host.example.test."],
    });
    expect(ptr.inputs.name).toBe("9");
    for (const each of [idn, own, ptr]) {
      expect(await dns.read(each)).toEqual(each);
      await dns.delete(each);
    }
  });

  test("an answer from a wildcard is not the record", async () => {
    const dns = await start();
    const under = fresh();
    const base = { zone, type: "A", ttl: 60, records: ["192.0.2.7"] };
    const wildcard = await dns.create("RecordSet", { ...base, name: `*.${under}` });
    const own = await dns.create("RecordSet", { ...base, name: `www.${under}` });
    expect(await dns.read(own)).toEqual(own);
    expect(await dns.read(wildcard)).toEqual(wildcard);
    await bind.nsupdate(`update delete www.${under}.${zone}. A`);
    expect(await bind.dig(`www.${under}.${zone}.`, "A")).toEqual(["60 IN A 192.0.2.7"]);
    expect(await dns.read(own)).toBeUndefined();
    // Nor with a key that may change nothing there.
    const reader = await startLive(dnsLoader(), "dns", config(bind.sha512));
    expect(await reader.read(own)).toBeUndefined();
    await dns.delete(wildcard);
  });

  test("delegations: NS at the cut, addresses below it", async () => {
    const dns = await start();
    const child = fresh();
    const ns = await dns.create("RecordSet", {
      zone,
      name: child,
      type: "NS",
      records: [`ns1.${child}.${zone}.`],
    });
    const glue = await dns.create("RecordSet", {
      zone,
      name: `ns1.${child}`,
      type: "A",
      records: ["192.0.2.53"],
    });
    expect(await dns.read(ns)).toEqual(ns);
    expect(await dns.read(glue)).toEqual(glue);
    const signer = {
      zone,
      name: child,
      type: "DS",
      records: ["60485 5 1 2bb183af5f22588179a53b0a98631fad1a292118"],
    };
    const ds = await dns.create("RecordSet", signer);
    expect(await dns.read(ds)).toEqual(ds);
    await dns.delete(ds);
    // A server drops a DS where nothing is delegated, without a word.
    expect(await failureOf(dns.create("RecordSet", { ...signer, name: fresh() }))).toMatchObject({
      reason: "conflict",
      found: "no NS records",
    });
    await dns.delete(glue);
    expect(await dns.read(glue)).toBeUndefined();
    await dns.delete(ns);
    expect(await dns.read(ns)).toBeUndefined();
  });

  test("a creation that was cut off is found again; somebody else's records are not taken", async () => {
    const dns = await start();
    const inputs = { zone, name: fresh(), type: "A", ttl: 60, records: ["192.0.2.1"] };
    const made = await dns.create("RecordSet", inputs);
    expect(await dns.create("RecordSet", inputs)).toEqual(made);
    const failure = await failureOf(dns.create("RecordSet", { ...inputs, records: ["192.0.2.2"] }));
    expect(failure).toMatchObject({
      reason: "conflict",
      expected: "no such records",
      found: "TTL 60: 192.0.2.1",
    });
    expect(failure.next?.[0]).toContain(made.id);
    const otherTtl = await failureOf(dns.create("RecordSet", { ...inputs, ttl: 61 }));
    expect(otherTtl.found).toBe("TTL 60: 192.0.2.1");
    expect(await bind.dig(made.outputs.fqdn as string, "A")).toEqual(["60 IN A 192.0.2.1"]);
    // A server drops a CNAME beside other records, and the other way round, without a word.
    const cname = { zone, name: inputs.name, type: "CNAME", ttl: 60, records: ["a.example.test."] };
    expect(await failureOf(dns.create("RecordSet", cname))).toMatchObject({
      reason: "conflict",
      found: "A 192.0.2.1",
    });
    await dns.delete(made);
    const alias = await dns.create("RecordSet", cname);
    expect(await failureOf(dns.create("RecordSet", inputs))).toMatchObject({
      reason: "conflict",
      found: "CNAME a.example.test.",
    });
    await dns.delete(alias);
  });

  test("what somebody changed or deleted between plan and apply is a conflict with both values", async () => {
    const dns = await start();
    const inputs = { zone, name: fresh(), type: "A", ttl: 60, records: ["192.0.2.1"] };
    const made = await dns.create("RecordSet", inputs);
    const fqdn = made.outputs.fqdn as string;
    await bind.nsupdate(`update add ${fqdn} 60 A 192.0.2.66`);
    const both = {
      reason: "conflict",
      path: "records",
      expected: "TTL 60: 192.0.2.1",
      found: "TTL 60: 192.0.2.1, 192.0.2.66",
    };
    expect(await failureOf(dns.update(made, { ...inputs, records: ["192.0.2.2"] }))).toMatchObject(both);
    expect(await failureOf(dns.delete(made))).toMatchObject(both);
    expect(await bind.dig(fqdn, "A")).toHaveLength(2);
    const seen = (await dns.read(made)) as Live;
    expect(seen.outputs.records).toEqual(["192.0.2.1", "192.0.2.66"]);
    expect((await dns.diff(seen, inputs)).detailed).toMatchObject([{ path: "records[1]", kind: "delete" }]);
    const healed = await dns.update(seen, inputs);
    expect(await bind.dig(fqdn, "A")).toEqual(["60 IN A 192.0.2.1"]);
    // An update whose answer was lost is done already.
    const later = { ...inputs, ttl: 90, records: ["192.0.2.3"] };
    const updated = await dns.update(healed, later);
    expect(await dns.update(healed, later)).toEqual(updated);
    await bind.nsupdate(`update delete ${fqdn} A`);
    expect(await failureOf(dns.update(updated, inputs))).toMatchObject({
      reason: "conflict",
      found: "no such records",
    });
    await dns.delete(updated);
  });

  test("the NS of the zone's own name change without a moment without", async () => {
    const dns = await start();
    const own = (await dns.import("RecordSet", `${zone}/@/NS`)) as Live;
    const refused = await failureOf(dns.update(own, { ...own.inputs, records: ["ns2.example.test."] }));
    expect(refused.next?.[1]).toContain("has no address");
    const address = await dns.create("RecordSet", { zone, name: "ns2", type: "A", records: [bind.host] });
    const changed = await dns.update(own, { ...own.inputs, ttl: 120, records: ["ns2.example.test."] });
    expect(await bind.dig(`${zone}.`, "NS")).toEqual(["120 IN NS ns2.example.test."]);
    expect(await failureOf(dns.delete(changed))).toMatchObject({ reason: "unsupported" });
    await dns.update(changed, own.inputs);
    await dns.delete(address);
  });

  test("many are read with one transfer, and listed with one", async () => {
    const dns = await start();
    const inputs = (i: number) => ({ zone, name: `many${i}`, type: "A", ttl: 60, records: [`192.0.2.${i}`] });
    const made = await Promise.all(Array.from({ length: 60 }, (_, i) => dns.create("RecordSet", inputs(i))));
    await bind.nsupdate(`update delete many7.${zone}. A`);
    const count = (what: RegExp): number => bind.log().match(what)?.length ?? 0;
    const [queries, transfers] = [count(/query: \S+ IN (?!AXFR)/g), count(/AXFR started/g)];
    const answers = await dns.readMany(made);
    expect(count(/query: \S+ IN (?!AXFR)/g) - queries).toBe(0);
    expect(count(/AXFR started/g) - transfers).toBe(1);
    expect(answers[7]).toEqual({});
    expect(answers[8]).toMatchObject({ object: { id: made[8]?.id, outputs: made[8]?.outputs } });
    const listed = await dns.list("RecordSet", { zone });
    expect(listed.filter(({ id }) => id.includes("/many"))).toHaveLength(59);
    expect(listed).toContainEqual({ id: `${zone}/many8/A`, title: `many8.${zone}. A TTL 60: 192.0.2.8` });
    expect(await failureOf(dns.list("RecordSet", {}))).toMatchObject({ path: "zone" });
    await Promise.all(made.map((each) => dns.delete(each)));
  });

  test("a zone that is not transferred is read one by one, and not listed", async () => {
    const dns = await start();
    const made = await Promise.all(
      Array.from({ length: 6 }, (_, i) =>
        dns.create("RecordSet", { zone: "closed.test", name: `c${i}`, type: "A", records: [`192.0.2.${i}`] }),
      ),
    );
    const answers = await dns.readMany(made);
    for (const [i, answer] of answers.entries())
      expect(answer).toMatchObject({ object: { outputs: made[i]?.outputs } });
    expect(dns.log.join()).toContain("one by one");
    expect(await failureOf(dns.list("RecordSet", { zone: "closed.test" }))).toMatchObject({
      reason: "permission-denied",
      expected: "the right to transfer closed.test.",
      next: [expect.stringContaining("allow-transfer")],
    });
  });

  test("a transfer of many messages is checked to its last signature", async () => {
    const dns = await start();
    const commands = Array.from(
      { length: 2000 },
      (_, i) => `update add big${i}.${zone}. 60 TXT ${"x".repeat(100)}`,
    );
    for (let i = 0; i < commands.length; i += 250) await bind.nsupdate(...commands.slice(i, i + 250));
    const listed = await dns.list("RecordSet", { zone });
    expect(listed.filter(({ id }) => id.includes("/big"))).toHaveLength(2000);
    const gone = commands.map((_, i) => `update delete big${i}.${zone}. TXT`);
    for (let i = 0; i < gone.length; i += 250) await bind.nsupdate(...gone.slice(i, i + 250));
  });

  test("an answer too long for UDP is asked for again over TCP", async () => {
    const dns = await start();
    const records = Array.from({ length: 60 }, (_, i) => `${i}${"x".repeat(50)}`);
    const made = await dns.create("RecordSet", { zone, name: fresh(), type: "TXT", records });
    expect((await dns.read(made))?.outputs.records).toHaveLength(60);
    const tcp = await start({ tcp: true });
    expect(await tcp.read(made)).toEqual(made);
    await dns.delete(made);
  });

  test("wrong keys: unknown, wrong secret, wrong time are told apart, and no secret is shown", async () => {
    const inputs = { zone, name: fresh(), type: "A", records: ["192.0.2.1"] };
    const wrong = Buffer.alloc(32, 7).toString("base64");
    const attempt = async (more: PropertyMap) => {
      const dns = await start(more);
      const failure = await failureOf(dns.create("RecordSet", inputs));
      const { urn: _, ...looking } = await failureOf(dns.import("RecordSet", `${zone}/ns1/A`));
      const { urn: __, ...listing } = await failureOf(dns.list("RecordSet", { zone }));
      expect(failure).toMatchObject(looking);
      expect(failure).toMatchObject(listing);
      expect(JSON.stringify([failure, looking, listing])).not.toContain(wrong);
      return failure;
    };
    expect(await attempt({ keyName: "nobody" })).toMatchObject({
      reason: "authentication-failed",
      path: "keyName",
      found: "BADKEY",
    });
    expect(await attempt({ keyAlgorithm: "hmac-sha512" })).toMatchObject({ found: "BADKEY" });
    expect(await attempt({ keySecret: wrong })).toMatchObject({
      reason: "authentication-failed",
      path: "keySecret",
      found: "BADSIG",
    });
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() - 3_600_000 });
    try {
      const dns = await start();
      expect(await failureOf(dns.create("RecordSet", inputs))).toMatchObject({
        reason: "authentication-failed",
        found: expect.stringMatching(/^BADTIME: the server has 20/),
      });
    } finally {
      vi.useRealTimers();
    }
  });

  test("what a key may not do is named, with what allows it", async () => {
    const limited = await startLive(dnsLoader(), "dns", config(bind.limited));
    const only = { zone, name: "only", type: "A", records: ["192.0.2.1"] };
    const made = await limited.create("RecordSet", only);
    expect(await limited.read(made)).toEqual(made);
    await limited.delete(made);
    expect(await failureOf(limited.create("RecordSet", { ...only, name: "other" }))).toMatchObject({
      reason: "permission-denied",
      message: expect.stringContaining("refused the TSIG key limited to add other.example.test. A"),
      found: "REFUSED",
      next: [expect.stringContaining("update-policy { grant limited"), expect.anything()],
    });
    const nobody = await startLive(dnsLoader(), "dns", { server: bind.host, port: bind.port });
    expect(await failureOf(nobody.create("RecordSet", only))).toMatchObject({
      reason: "permission-denied",
      next: [expect.anything(), expect.anything(), "Set `keyName` and `keySecret` of the provider."],
    });
  });

  test("a zone that the server does not have", async () => {
    const dns = await start();
    const inputs = { zone: "elsewhere.test", name: "x", type: "A", records: ["192.0.2.1"] };
    expect(await failureOf(dns.create("RecordSet", inputs))).toMatchObject({
      path: "zone",
      found: "NOTAUTH",
    });
    expect((await failureOf(dns.import("RecordSet", "elsewhere.test/x/A"))).message).toContain("elsewhere");
    expect(await failureOf(dns.import("RecordSet", "no id"))).toMatchObject({
      reason: "invalid-property",
      found: "no id",
    });
  });

  test("a server that restarts is waited for", async () => {
    const dns = await start();
    await bind.stop();
    const creating = dns.create("RecordSet", { zone, name: fresh(), type: "A", records: ["192.0.2.1"] });
    await bind.start();
    const made = await creating;
    expect(await dns.read(made)).toEqual(made);
    await dns.delete(made);
  });

  test("nothing there, nothing said, and nonsense said", async () => {
    const id = `${zone}/www/A`;
    const nowhere = await startLive(dnsLoader(), "dns", { server: HOST, port: await freePort() });
    expect(await failureOf(nowhere.import("RecordSet", id))).toMatchObject({ reason: "connection-failed" });
    const create = nowhere.create("RecordSet", { zone, name: "x", type: "A", records: ["192.0.2.1"] });
    expect(await failureOf(create)).toMatchObject({ reason: "connection-failed", found: "ECONNREFUSED" });

    const open = new Set<Socket>();
    let say: Buffer | undefined;
    const server = createServer((socket) => {
      open.add(socket);
      if (say) socket.write(say);
    });
    const port = await freePort();
    await new Promise<void>((resolve) => server.listen(port, HOST, resolve));
    try {
      const silent = { server: HOST, port, tcp: true };
      const late = await startLive(dnsLoader(), "dns", { ...silent, timeout: 0.1 });
      expect(await failureOf(late.import("RecordSet", id))).toMatchObject({ reason: "timeout" });
      const patient = await startLive(dnsLoader(), "dns", silent);
      const stop = new AbortController();
      const inputs = { zone, name: "x", type: "A", records: ["192.0.2.1"] };
      const waiting = patient.create("RecordSet", inputs, stop.signal);
      stop.abort();
      expect(await failureOf(waiting)).toMatchObject({ reason: "interrupted" });
      say = Buffer.from("HTTP/1.1 400 Bad Request\r\n\r\n".padEnd(20_000, "x"));
      expect(await failureOf(patient.import("RecordSet", id))).toMatchObject({ reason: "provider-error" });
    } finally {
      for (const socket of open) socket.destroy();
      server.close();
    }
  });
});
