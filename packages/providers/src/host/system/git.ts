/** `host:index:GitCheckout`: a working copy of a repository at a revision. */
import { z } from "zod";
import { connectionProperty } from "../connection.js";
import { ownerProperty, pathProperty } from "../properties.js";
import { defineSystem, withActual } from "./define.js";
import { words } from "./report.js";

const inputs = z.strictObject({
  path: pathProperty,
  repository: z
    .string()
    .regex(/^[^-\s][^\s]*$/, "an address that git can clone")
    .refine((url) => !/^[a-z+]+:\/\/[^/@]*:[^/@]*@/i.test(url), {
      error: "an address without a password in it (use `privateKey`, or `token`)",
    })
    .describe("Where it is cloned from."),
  revision: z
    .string()
    .regex(/^[^-\s~^:?*[\\][^\s~^:?*[\\]*$/, "a branch, a tag or a commit")
    .optional()
    .describe(
      "Branch, tag or commit. A branch is fetched when something changes here; a commit pins it. Default: what the repository says (HEAD).",
    ),
  depth: z.int().min(1).optional().describe("So many commits of history. Default: all."),
  submodules: z.boolean().optional().describe("Also its submodules. Default false."),
  force: z
    .boolean()
    .optional()
    .describe("Throw away changes that somebody made in tracked files. Default false: they are a failure."),
  privateKey: z
    .string()
    .optional()
    .meta({ secret: true })
    .describe("A private key for `ssh` addresses; it is on the machine only while git runs."),
  token: z
    .string()
    .regex(/^[^\s'"\\]+$/, "a token without spaces and quotes")
    .optional()
    .meta({ secret: true })
    .describe("A token for `https` addresses, sent as the password of the user `git`."),
  hostKey: z
    .string()
    .optional()
    .describe("Lines of known_hosts for `ssh` addresses. Default: what the machine knows."),
  owner: ownerProperty.optional(),
  triggers: z.array(z.unknown()).optional().describe("Any values; when one changes, it is fetched again."),
  connection: connectionProperty,
});
const outputs = z.strictObject({
  path: z.string().describe("The folder."),
  repository: z.string().describe("Where it was cloned from."),
  revision: z
    .string()
    .optional()
    .describe("What is checked out, as the inputs say it; a commit where it is something else."),
  commit: z.string().describe("The commit that is checked out."),
  changed: z.boolean().describe("Somebody changed tracked files there."),
});

/** What git needs to log in is in a folder of its own while it runs; nothing of it is in an argument or in the copy's configuration. */
const functions = `
g() { git -c safe.directory="$path" -C "$path" "$@"; }
`;

export const gitCheckout = defineSystem({
  type: "host:index:GitCheckout",
  importId: "its path",
  description: "A working copy of a git repository at a revision.",
  inputs,
  outputs,
  replaceOn: ["path"],
  stables: ["path"],
  predict: ({ inputs: { path, repository, revision } }) => ({
    path: path ?? "",
    repository: repository ?? "",
    ...(revision === undefined ? {} : { revision }),
    changed: false,
  }),
  idOf: ({ path }) => path,
  fromId: (path) => (pathProperty.safeParse(path).success ? { path } : undefined),
  title: (path) => `the checkout ${path}`,
  mayDiffer: [
    ...["revision", "depth", "submodules", "force", "privateKey", "token", "hostKey", "owner", "triggers"],
  ],
  exclusive: ({ path }) => path,
  functions,
  outputChanges: ({ oldOutputs: { changed } }) =>
    changed === true ? [{ path: "changed", reason: "somebody changed tracked files there" }] : [],

  look: ({ inputs: { path = "", revision } }) => `
    path=${words(path)}
    if [ -d "$path/.git" ]; then
      put repository "$(g config --get remote.origin.url)"
      put commit "$(g rev-parse HEAD)" || exit 1
      put changed "$(g status --porcelain --untracked-files=no | head -n 1)"
      ${
        revision === undefined
          ? ""
          : // A branch means what was fetched of it, not where it has gone since.
            `w=$(g rev-parse -q --verify ${words(`refs/orch/${revision}`)} || g rev-parse -q --verify ${words(`${revision}^{commit}`)} || :); put wanted "$w"`
      }
      put owner "$(ls -ld -- "$path" | awk '{ print $3 }')"
    elif [ -e "$path" ] && [ ! -d "$path" ]; then echo "$path is no folder"; exit 1
    elif [ -d "$path" ] && [ -n "$(ls -A -- "$path")" ]; then put foreign yes; fi`,
  observe(found, at) {
    const { path = "", revision } = at.inputs;
    if (found.has("foreign")) {
      const repository = "another folder that is not empty";
      return {
        inputs: { ...at.inputs, repository },
        outputs: { path, repository, commit: "", changed: false },
      };
    }
    const commit = found.text("commit");
    const repository = found.text("repository");
    const checkedOut = revision !== undefined && found.text("wanted") === commit ? revision : commit;
    return {
      inputs: withActual(at, { repository, revision: checkedOut, owner: found.text("owner") }),
      outputs: {
        path,
        repository,
        ...(revision === undefined ? {} : { revision: checkedOut }),
        commit,
        changed: found.text("changed") !== "",
      },
    };
  },
  apply({ inputs: given, now, last }) {
    const { path, repository, revision, depth, submodules, force, privateKey, token, hostKey, owner } = given;
    const shallow = depth === undefined ? "" : `--depth ${depth} `;
    const same =
      now !== undefined && last === undefined && (now.inputs as typeof given).revision === revision;
    if (same && !now.outputs.changed && revision !== undefined) return { script: "" };
    return {
      script: `
        path=${words(path)}; export GIT_TERMINAL_PROMPT=0
        s=$(umask 077; mktemp -d); fresh=
        # What could not be cloned leaves nothing behind.
        trap 'c=$?; rm -rf -- "$s"; if [ $c -ne 0 ] && [ -n "$fresh" ]; then rm -rf -- "$path/.git"; rmdir -- "$path" 2>/dev/null; fi' EXIT
        o='-o BatchMode=yes'
        ${hostKey === undefined ? "" : `printf '%s\\n' ${words(hostKey)} >"$s/known"; o="$o -o UserKnownHostsFile=$s/known"`}
        ${privateKey === undefined ? "" : `( umask 077; printf '%s\\n' ${words(privateKey.trimEnd())} >"$s/key" ); o="$o -o IdentitiesOnly=yes -i $s/key"`}
        export GIT_SSH_COMMAND="ssh $o"
        ${
          token === undefined
            ? ""
            : `( umask 077; printf '#!/bin/sh\\ncase $1 in Username*) echo git;; *) echo %s;; esac\\n' ${words(token)} >"$s/ask"; chmod 700 "$s/ask" ); export GIT_ASKPASS="$s/ask"`
        }
        if [ ! -d "$path/.git" ]; then
          mkdir -p -- "$path"; fresh=yes; git init -q -- "$path"
          g remote add origin ${words(repository)}
        fi
        ${
          force
            ? ""
            : `c=$(g status --porcelain --untracked-files=no | head -n 5 | tr '\\t\\n' '  ')
               [ -z "$c" ] || refuse force 'no changes in tracked files, or force: true' "$c"`
        }
        g remote set-url origin ${words(repository)}
        r=${words(revision ?? "HEAD")}
        if ! e=$(g fetch -q ${shallow}--tags --force origin "+$r:refs/orch/$r" 2>&1); then
          # Not every server gives a commit by its name: then all of it is fetched.
          if ! f=$(g fetch -q --tags --force origin '+refs/heads/*:refs/remotes/origin/*' 2>&1); then
            printf '%s\\n' "$f" >&2; refuse repository 'a repository that git can fetch' "$(printf %s "$f" | tail -n 1)"
          fi
          c=$(g rev-parse -q --verify "$r^{commit}") || refuse revision 'a branch, tag or commit of the repository' "$r"
          g update-ref "refs/orch/$r" "$c"
        fi
        fresh=
        g checkout -q ${force ? "--force " : ""}--detach "refs/orch/$r"
        ${submodules ? "g submodule update -q --init --recursive" : ""}
        ${owner === undefined ? "" : `chown -R -- ${words(owner)} "$path"`}`,
    };
  },
  remove: ({ inputs: { path } }) => `
    if [ -d ${words(path)}/.git ]; then rm -rf -- ${words(path)}; fi`,
});
