/** `host:index:SystemdUnit` and `host:index:Service`: units that orch writes, and the state of units that are there. */
import { z } from "zod";
import { connectionProperty } from "../connection.js";
import { overwriteProperty } from "./common.js";
import { defineSystem, withActual } from "./define.js";
import { removeFile, reportFile } from "./file-content.js";
import { putFile, words } from "./report.js";

/** systemd.unit(5): "valid unit names". */
const unitName = z
  .string()
  .regex(
    /^[A-Za-z0-9:_.\\-]+(@[A-Za-z0-9:_.\\-]*)?\.(service|timer|socket|mount|automount|swap|path|slice|target)$/,
    "a unit's name with its kind, such as app.service or backup.timer",
  )
  .refine((name) => name.length <= 255, { error: "at most 255 characters" });

const enabled = z.boolean().optional().describe("Started with the machine. Default: left alone.");

/** `systemctl show` answers for units that are not there, too. On a failure to start, what the journal says goes to the person. */
const functions = `
unit() {
  u=$(systemctl show --no-pager -p LoadState,ActiveState,SubState,UnitFileState,NeedDaemonReload,FragmentPath -- "$1") || exit 1
  put load "$(printf '%s\\n' "$u" | sed -n 's/^LoadState=//p')"
  put active "$(printf '%s\\n' "$u" | sed -n 's/^ActiveState=//p')"
  put sub "$(printf '%s\\n' "$u" | sed -n 's/^SubState=//p')"
  put enabled "$(printf '%s\\n' "$u" | sed -n 's/^UnitFileState=//p')"
  put path "$(printf '%s\\n' "$u" | sed -n 's/^FragmentPath=//p')"
}
ctl() {
  systemctl --no-ask-password "$@" && return 0
  c=$?; for n in "$@"; do :; done
  systemctl status --no-pager --lines=10 --full -- "$n" 2>/dev/null || :
  return "$c"
}`;

const stateOutputs = {
  name: z.string().describe("Its name."),
  active: z.string().describe("`active`, `inactive`, `failed` …, as systemctl says."),
  sub: z.string().describe("More exactly: `running`, `waiting`, `exited`, `dead` …"),
  unitFileState: z.string().describe("`enabled`, `disabled`, `static` …"),
};
const isActive = (text: string): boolean => ["active", "activating", "reloading"].includes(text);
const isEnabled = (text: string): boolean => ["enabled", "enabled-runtime", "alias"].includes(text);

const unitInputs = z.strictObject({
  name: unitName.describe(
    "Its name with its kind, such as app.service. Another one is another unit: it replaces.",
  ),
  content: z.string().min(1).describe("The unit file."),
  enabled,
  started: z
    .boolean()
    .optional()
    .describe(
      "Running now, or not. Default: left alone. For a job that ends by itself, leave it out and use a timer.",
    ),
  restart: z.boolean().optional().describe("Restart it when its file changed and it runs. Default true."),
  verify: z
    .boolean()
    .optional()
    .describe("Let `systemd-analyze verify` look at the file before it is put in place. Default true."),
  overwrite: overwriteProperty,
  connection: connectionProperty,
});
const unitOutputs = z.strictObject({
  ...stateOutputs,
  path: z.string().describe("The unit file."),
  content: z.string().describe("What is in it."),
});
const pathOf = (name: string): string => `/etc/systemd/system/${name}`;

export const systemdUnit = defineSystem({
  type: "host:index:SystemdUnit",
  importId: "its name",
  description:
    "A systemd unit of one's own (service, timer, socket …): its file, and whether it is enabled and running.",
  inputs: unitInputs,
  outputs: unitOutputs,
  replaceOn: ["name"],
  stables: ["name", "path"],
  idOf: ({ name }) => name,
  fromId: (name) => (unitName.safeParse(name).success ? { name } : undefined),
  title: (name) => `the unit ${name}`,
  mayDiffer: ["enabled", "started", "restart", "verify", "overwrite"],
  guarded: ["content"],
  exclusive: ({ name }) => `unit ${name}`,
  functions,

  look: ({ inputs: { name = "" } }) => `${reportFile(pathOf(name))}
    if [ -e ${words(pathOf(name))} ]; then unit ${words(name)}; fi`,
  observe(found, at) {
    const { name = "", enabled: wanted } = at.inputs;
    const unitFileState = found.text("enabled");
    const active = found.text("active");
    const content = found.text("content");
    // What has no [Install] section is neither enabled nor not.
    const now = unitFileState === "static" ? wanted : isEnabled(unitFileState);
    return {
      inputs: withActual(at, { content, enabled: now, started: isActive(active) }),
      outputs: { name, path: pathOf(name), content, active, sub: found.text("sub"), unitFileState },
    };
  },
  apply({ inputs: given, now }) {
    const { name, content, enabled: enable, started, restart = true, verify = true } = given;
    const changed = now?.outputs.content !== content;
    const was = now?.inputs as typeof given | undefined;
    const lines: string[] = [];
    if (changed) {
      // It has to have its own name to be understood.
      const check = verify
        ? `if have systemd-analyze; then
             v=$(mktemp -d); cp -- "$new" "$v/"${words(name)}
             if ! systemd-analyze verify "$v/"${words(name)} 2>"$v/.said"; then
               sed "s|$v/||" "$v/.said" >&2; m=$(sed "s|$v/||" "$v/.said" | tr '\\t\\n' '  '); rm -rf -- "$v" "$new"
               refuse content 'a unit file that systemd-analyze accepts' "$m"
             fi
             rm -rf -- "$v"
           fi`
        : "";
      lines.push(putFile(pathOf(name), content, "644", check), "systemctl daemon-reload");
    }
    if (enable !== undefined && enable !== isEnabled(now?.outputs.unitFileState ?? ""))
      lines.push(`ctl ${enable ? "enable" : "disable"} -- ${words(name)}`);
    if (started === false && was?.started !== false) lines.push(`ctl stop -- ${words(name)}`);
    else if (started === true)
      lines.push(
        changed && now !== undefined && restart
          ? `ctl restart -- ${words(name)}`
          : `ctl start -- ${words(name)}`,
      );
    else if (started === undefined && changed && now !== undefined && restart)
      lines.push(`ctl try-restart -- ${words(name)}`);
    return { script: lines.join("\n") };
  },
  remove: ({ inputs: { name } }) => `
    if [ -e ${words(pathOf(name))} ]; then
      systemctl --no-ask-password disable --now -- ${words(name)} || systemctl --no-ask-password stop -- ${words(name)}
      ${removeFile(pathOf(name))}
      systemctl daemon-reload
      systemctl reset-failed -- ${words(name)} 2>/dev/null || :
    fi`,
});

const serviceInputs = z.strictObject({
  name: unitName.describe("Its name with its kind, such as nginx.service. Another one replaces."),
  enabled,
  running: z.boolean().optional().describe("Running now, or not. Default: left alone."),
  triggers: z
    .array(z.unknown())
    .optional()
    .describe(
      "Any values, such as the hash of its configuration; when one changes, it is restarted if it runs.",
    ),
  onTrigger: z
    .enum(["restart", "reload"])
    .optional()
    .describe("What a change of `triggers` does; `reload` restarts what can't reload. Default restart."),
  connection: connectionProperty,
});
const serviceOutputs = z.strictObject({
  ...stateOutputs,
  path: z.string().describe("Its unit file."),
});

export const service = defineSystem({
  type: "host:index:Service",
  importId: "its name",
  description:
    "The state of a unit that a package or somebody else brought: enabled, running. Deleting it leaves the unit as it is.",
  inputs: serviceInputs,
  outputs: serviceOutputs,
  replaceOn: ["name"],
  stables: ["name", "path"],
  idOf: ({ name }) => name,
  fromId: (name) => (unitName.safeParse(name).success ? { name } : undefined),
  title: (name) => `the unit ${name}`,
  mayDiffer: "all",
  exclusive: ({ name }) => `unit ${name}`,
  functions,
  list: "systemctl list-unit-files --no-pager --no-legend | awk '{ print $1 \"\\t\" $2 }'",

  look: ({ inputs: { name = "" } }) => `
    if [ "$(systemctl show --no-pager -p LoadState -- ${words(name)})" != LoadState=not-found ]; then unit ${words(name)}; fi`,
  observe(found, at) {
    const { name = "", enabled: wanted } = at.inputs;
    const unitFileState = found.text("enabled");
    const active = found.text("active");
    return {
      inputs: withActual(at, {
        enabled: unitFileState === "static" ? wanted : isEnabled(unitFileState),
        running: isActive(active),
      }),
      outputs: { name, path: found.text("path"), active, sub: found.text("sub"), unitFileState },
    };
  },
  apply({ inputs: given, now, last }) {
    const { name, enabled: enable, running, triggers, onTrigger = "restart" } = given;
    if (now === undefined) return { script: `refuse name 'a unit of that machine' ${words(name)}` };
    const was = now.inputs as typeof given;
    const triggered =
      last !== undefined && JSON.stringify(last.inputs.triggers ?? []) !== JSON.stringify(triggers ?? []);
    const lines: string[] = [];
    if (enable !== undefined && enable !== was.enabled)
      lines.push(`ctl ${enable ? "enable" : "disable"} -- ${words(name)}`);
    const active = isActive(now.outputs.active);
    if (running === false && active) lines.push(`ctl stop -- ${words(name)}`);
    else if (running === true && !active) lines.push(`ctl start -- ${words(name)}`);
    else if (triggered && active)
      lines.push(`ctl ${onTrigger === "reload" ? "reload-or-restart" : "restart"} -- ${words(name)}`);
    return { script: lines.join("\n") };
  },
});
