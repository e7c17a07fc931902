/** `host:index:FirewallTable`: one nftables table, owned whole (nft(8)). Other tables are left alone. */
import { hasSecret } from "@orch/core/model/value";
import { z } from "zod";
import { connectionProperty } from "../connection.js";
import { overwriteProperty } from "./common.js";
import { defineSystem, withActual } from "./define.js";
import { removeFile } from "./file-content.js";
import { untilDecided } from "./guard.js";
import { putFile, words } from "./report.js";

const families = ["inet", "ip", "ip6", "arp", "bridge", "netdev"] as const;
const name = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, "a name of letters, digits and _");
const inputs = z.strictObject({
  family: z.enum(families).default("inet").describe("Default inet: IPv4 and IPv6. Another one replaces."),
  name: name.describe("The table's name. Another one replaces."),
  rules: z.string().describe("What stands inside `table … { }`: chains, sets, maps, in nft's own words."),
  persist: z
    .boolean()
    .optional()
    .describe(
      "Also load it when the machine starts: a file in /etc/nftables.d that /etc/nftables.conf includes. Default true.",
    ),
  guard: z
    .int()
    .min(0)
    .max(600)
    .optional()
    .describe(
      "Seconds within which orch must be able to connect anew once the rules are loaded; else the machine loads the former ones again by itself. Default 20 over SSH, and 0 (not tried) on the machine that runs orch.",
    ),
  overwrite: overwriteProperty,
  connection: connectionProperty,
});
const outputs = z.strictObject({
  family: z.string().describe("Its family."),
  name: z.string().describe("Its name."),
  listing: z.string().describe("What the kernel has, as `nft --stateless list table` prints it."),
  expected: z.string().optional().describe("The same, right after orch last loaded it."),
  path: z.string().describe("The file that loads it at the next start."),
});

const pathOf = (family: string, table: string): string => `/etc/nftables.d/orch-${family}-${table}.nft`;

/** Made empty first, so that it can be deleted whether or not it is there; then all of it in one transaction of the kernel's. */
const contentOf = ({ family, name: table, rules }: { family: string; name: string; rules: string }): string =>
  `# Written by orch.\ntable ${family} ${table}\ndelete table ${family} ${table}\ntable ${family} ${table} {\n${rules.replace(/\n*$/, "\n")}}\n`;

const guardName = (family: string, table: string): string => `nft-${family}-${table}`;

const include = 'include "/etc/nftables.d/*.nft"';

export const firewallTable = defineSystem({
  type: "host:index:FirewallTable",
  importId: "`FAMILY NAME`, such as `inet web`",
  description:
    "A table of nftables, owned whole. nft checks the new one before it is loaded, and the kernel takes all of it or nothing.",
  inputs,
  outputs,
  replaceOn: ["family", "name"],
  stables: ["family", "name", "path"],
  secretOutputs: (given) => (hasSecret(given.rules) ? ["listing", "expected"] : []),
  idOf: ({ family, name: table }) => `${family} ${table}`,
  fromId(id) {
    const [family, table, ...rest] = id.split(" ");
    const known = families.find((one) => one === family);
    return known && table && rest.length === 0 && name.safeParse(table).success
      ? { family: known, name: table }
      : undefined;
  },
  title: (id) => `the firewall table ${id}`,
  mayDiffer: ["persist", "rules", "guard", "overwrite"],
  exclusive: "nftables",
  list: 'nft list tables | awk \'$1 == "table" { print $2 " " $3 }\'',
  outputChanges: ({ oldOutputs: { expected, listing } }) =>
    expected !== undefined && expected !== listing
      ? [{ path: "listing", reason: "the kernel has other rules than orch loaded" }]
      : [],

  look: ({ inputs: { family = "", name: table = "" } }) => `
    ${untilDecided(guardName(family, table))}
    if l=$(nft --stateless list table ${words(family, table)} 2>&1); then
      printf '%s\\n' "$l" | blob listing
      if [ -e ${words(pathOf(family, table))} ]; then put persist yes; else put persist no; fi
    else case $l in *'No such file'*) ;; *) printf '%s\\n' "$l"; exit 1;; esac; fi`,
  observe(found, at) {
    const { family = "inet", name: table = "" } = at.inputs;
    const listing = found.text("listing");
    const { expected } = at.outputs;
    const body = listing.split("\n").slice(1, -1).join("\n");
    return {
      inputs: {
        ...withActual(at, {
          persist: found.text("persist") === "yes",
          ...(at.imported ? { rules: `${body}\n` } : {}),
        }),
        ...(at.inputs.persist === undefined && found.text("persist") === "no" && !at.imported
          ? { persist: false }
          : {}),
      },
      outputs: {
        family,
        name: table,
        listing,
        ...(expected === undefined ? {} : { expected }),
        path: pathOf(family, table),
      },
    };
  },
  apply({ inputs: given, now, last, call }) {
    const path = pathOf(given.family, given.name);
    const table = words(given.family, given.name);
    // Somebody else's table of that name has rules that nobody has seen in a plan.
    const foreign =
      now !== undefined && last === undefined && !given.overwrite
        ? `[ -e ${words(path)} ] || refuse name 'a table that is not there yet (or overwrite: true)' ${words(`${given.family} ${given.name}`)}\n`
        : "";
    const check = `
      e=$(nft -c -f "$new" 2>&1) || { rm -f -- "$new"; printf '%s\\n' "$e" >&2
        case $e in *ermitted*) exit 1;; esac
        refuse rules 'rules that nft accepts' "$(printf %s "$e" | sed "s|$new:||g" | head -n 1)"; }
      nft -f "$new"`;
    const persist =
      (given.persist ?? true)
        ? `f=/etc/nftables.conf
           [ -e "$f" ] || printf '#!/usr/sbin/nft -f\\n' >"$f"
           grep -qxF ${words(include)} "$f" || printf '%s\\n' ${words(include)} >>"$f"
           if [ -d /run/systemd/system ]; then systemctl --no-ask-password enable nftables.service || :; fi`
        : removeFile(path);
    const connection = given.connection ?? call.session.connection;
    const seconds = given.guard ?? (connection?.type === "ssh" ? 20 : 0);
    if (seconds === 0)
      return { script: `${foreign}${putFile(path, contentOf(given), "644", check)}\n${persist}` };
    return {
      // What loads them at the next start is put there when orch has come back: until then a restart takes them back as well.
      script: `${foreign}new=$g/new.nft
        ( umask 077; printf %s ${words(contentOf(given))} >"$new" )${check}`,
      guard: {
        name: guardName(given.family, given.name),
        seconds,
        save: `{ printf '%s\\n' ${words(`table ${given.family} ${given.name}`, `delete table ${given.family} ${given.name}`)}
          if l=$(nft list table ${table} 2>&1); then printf '%s\\n' "$l"
          else case $l in *'No such file'*) ;; *) printf '%s\\n' "$l" >&2; exit 1;; esac; fi; } >"$g/old.nft"`,
        undo: `nft -f "$g/old.nft" || nft delete table ${table}`,
        keep: `${putFile(path, contentOf(given), "644")}\n${persist}`,
        path: "rules",
        next: [
          "Let the rules accept what is there (`ct state established,related accept`) and new connections to the SSH port from where orch runs.",
          "Or, where nothing may connect for a while: a longer `guard`, or `guard: 0` to load them unproven.",
        ],
      },
    };
  },
  applied: (made) => ({ ...made, expected: made.listing }),
  remove: ({ inputs: { family, name: table } }) => `
    ${removeFile(pathOf(family, table))}
    if e=$(nft delete table ${words(family, table)} 2>&1); then :; else
      case $e in *'No such file'*) ;; *) printf '%s\\n' "$e"; exit 1;; esac; fi`,
});
