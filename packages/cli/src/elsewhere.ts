/** What the commands are called in Pulumi, OpenTofu and Terraform, for who types it here. */
import type { CommandId } from "./route.js";

type Spaced<Id extends string> = Id extends `${infer Topic}:${infer Name}` ? `${Topic} ${Name}` : Id;
type Flagged = "plan --replace" | "state show" | "--version";

const commands: Readonly<Record<string, readonly (Spaced<CommandId> | Flagged)[]>> = {
  cancel: ["unlock"],
  deploy: ["apply"],
  diff: ["plan"],
  down: ["destroy"],
  env: ["config ls"],
  "force-unlock": ["unlock"],
  init: ["new", "stack init"],
  install: ["plugin install"],
  list: ["state ls"],
  ls: ["state ls"],
  logs: ["history"],
  output: ["stack output"],
  preview: ["plan"],
  providers: ["plugin ls"],
  remove: ["destroy"],
  rollback: ["undo"],
  show: ["state show", "show plan"],
  taint: ["plan --replace"],
  up: ["apply"],
  update: ["apply"],
  validate: ["plan"],
  version: ["--version"],
  why: ["explain"],
  workspace: ["stack ls"],
  "config list": ["config ls"],
  "config delete": ["config rm"],
  "config remove": ["config rm"],
  "plugin list": ["plugin ls"],
  "plugin remove": ["plugin rm"],
  "stack change-secrets-provider": ["secrets change-provider"],
  "stack create": ["stack init"],
  "stack delete": ["stack rm"],
  "stack history": ["history"],
  "stack list": ["stack ls"],
  "stack new": ["stack init"],
  "stack remove": ["stack rm"],
  "state list": ["state ls"],
};

/** The commands to suggest for what was typed, one word or two; undefined where no other tool calls anything so. */
export const elsewhere = (typed: string): readonly string[] | undefined =>
  Object.hasOwn(commands, typed) ? commands[typed] : undefined;
