/** Which pull request a run belongs to: from flags, and from the variables that GitHub Actions, GitLab CI and Gitea Actions set. */
import { readFileSync } from "node:fs";
import { type Failure, OrchError } from "@orch/core/model/failure";
import type { Platform, ReviewTarget } from "./contract.js";

export type Env = Readonly<Record<string, string | undefined>>;

export interface TargetFlags {
  readonly platform?: string | undefined;
  readonly "api-url"?: string | undefined;
  readonly repository?: string | undefined;
  readonly number?: number | undefined;
  readonly commit?: string | undefined;
}

export interface Target extends ReviewTarget {
  readonly commit?: string;
  /** Of the run, for people. */
  readonly runUrl?: string;
}

/** What an environment tells. A member that it does not tell is absent. */
interface Found {
  readonly apiUrl?: string | undefined;
  readonly repository?: string | undefined;
  readonly number?: number | undefined;
  readonly commit?: string | undefined;
  readonly runUrl?: string | undefined;
}

/** Tokens are taken from the environment alone: arguments are seen by everybody on the machine. */
const tokenNames: Readonly<Record<Platform, readonly string[]>> = {
  github: ["GITHUB_TOKEN", "GH_TOKEN"],
  gitlab: ["GITLAB_TOKEN"],
  gitea: ["GITEA_TOKEN"],
};
const names: Readonly<Record<Platform, string>> = { github: "GitHub", gitlab: "GitLab", gitea: "Gitea" };
export const platforms = Object.keys(names) as Platform[];

/** Rejects (throws `invalid-flag`) with what is missing and how to give it. `needsToken`: false for a dry run. */
export function findTarget(flags: TargetFlags, env: Env, needsToken = true): Target {
  const platform = (flags.platform as Platform | undefined) ?? platformOf(env);
  if (platform === undefined)
    throw missing("the platform", "--platform github, gitlab or gitea", "This is no CI that orch knows.");
  const found = platform === platformOf(env) ? readers[platform](env) : {};
  const apiUrl =
    flags["api-url"] ?? found.apiUrl ?? (platform === "github" ? "https://api.github.com" : undefined);
  if (apiUrl === undefined) throw missing("the address of its API", "--api-url URL", names[platform]);
  if (!/^https?:$/.test(URL.parse(apiUrl)?.protocol ?? ""))
    throw new OrchError({
      reason: "invalid-flag",
      message: "The address of the API is not one of HTTP.",
      expected: "an address such as https://git.example.com/api/v1",
      found: apiUrl,
    });
  const repository = flags.repository ?? found.repository;
  if (repository === undefined) throw missing("the repository", "--repository OWNER/NAME", names[platform]);
  if (platform !== "gitlab" && !/^[^/\s]+\/[^/\s]+$/.test(repository))
    throw new OrchError({
      reason: "invalid-flag",
      message: "A repository is named by its owner and its name.",
      expected: "OWNER/NAME",
      found: repository,
    });
  const number = flags.number ?? found.number;
  if (number === undefined)
    throw missing(
      "the pull request",
      "--number N",
      "The run does not belong to one; let it run on pull requests (merge requests).",
    );
  const commit = flags.commit ?? found.commit;
  if (commit !== undefined && !/^[0-9a-f]{7,64}$/i.test(commit))
    throw new OrchError({
      reason: "invalid-flag",
      message: "The commit is none.",
      expected: "its SHA, in hexadecimal digits",
      found: commit.slice(0, 100),
      next: ["Give --commit SHA."],
    });
  // Gitea's own CI names it like GitHub's; GitHub's own is not for another server.
  const named = platform === "gitea" && platformOf(env) === "gitea" ? ["GITHUB_TOKEN"] : [];
  const token = [...tokenNames[platform], ...named]
    .map((name) => env[name])
    .find((value) => value !== undefined && value !== "");
  if (token === undefined && needsToken)
    throw new OrchError({
      reason: "authentication-failed",
      message: `There is no token for ${names[platform]}.`,
      expected: `one in the environment, as ${tokenNames[platform].join(" or ")}`,
      found: "none",
      next: [tokenHelp[platform]],
    });
  return {
    platform,
    apiUrl: apiUrl.replace(/\/+$/, ""),
    repository,
    number,
    token: token ?? "",
    ...(commit === undefined ? {} : { commit }),
    ...(found.runUrl === undefined ? {} : { runUrl: found.runUrl }),
  };
}

const tokenHelp: Readonly<Record<Platform, string>> = {
  github:
    "In GitHub Actions give the step `env: { GITHUB_TOKEN: $" +
    "{{ github.token }} }` and the job `permissions: { pull-requests: write, statuses: write }`.",
  gitlab:
    "Make a project access token with the scope `api` and the role Developer, and give it as the masked variable GITLAB_TOKEN; CI_JOB_TOKEN may not write notes.",
  gitea:
    "In Gitea Actions give the step `env: { GITEA_TOKEN: $" +
    "{{ secrets.GITEA_TOKEN }} }`; elsewhere a token with the scopes `write:issue`, `write:repository` and `read:user`.",
};

const missing = (what: string, flag: string, why: string): OrchError =>
  new OrchError({
    reason: "invalid-flag",
    message: `It is not known where to comment: ${what} is missing.`,
    found: why,
    next: [`Give ${flag}.`],
  } satisfies Failure);

function platformOf(env: Env): Platform | undefined {
  // Gitea sets GitHub's variables as well.
  if (env.GITEA_ACTIONS === "true" || env.FORGEJO_ACTIONS === "true") return "gitea";
  if (env.GITLAB_CI === "true") return "gitlab";
  if (env.GITHUB_ACTIONS === "true") return "github";
  return undefined;
}

const readers: Readonly<Record<Platform, (env: Env) => Found>> = {
  /** https://docs.github.com/en/actions/reference/workflows-and-actions/variables */
  github: (env) => ({ ...actions(env), apiUrl: env.GITHUB_API_URL }),
  /** Gitea's variables are those of GitHub Actions: https://docs.gitea.com/usage/actions/overview */
  gitea: (env) => ({
    ...actions(env),
    apiUrl: env.GITHUB_API_URL ?? (env.GITHUB_SERVER_URL && `${env.GITHUB_SERVER_URL}/api/v1`),
  }),
  /** https://docs.gitlab.com/ci/variables/predefined_variables/ */
  gitlab: (env) => ({
    apiUrl: env.CI_API_V4_URL,
    repository: env.CI_PROJECT_ID,
    // A pipeline of a branch knows the requests that are open for it: `group/project!12,…`.
    number: wholeNumber(env.CI_MERGE_REQUEST_IID ?? /!(\d+)/.exec(env.CI_OPEN_MERGE_REQUESTS ?? "")?.[1]),
    // In pipelines for merged results CI_COMMIT_SHA is a commit that nobody made.
    commit: env.CI_MERGE_REQUEST_SOURCE_BRANCH_SHA || env.CI_COMMIT_SHA,
    runUrl: env.CI_JOB_URL,
  }),
};

function actions(env: Env): Found {
  const event = eventOf(env.GITHUB_EVENT_PATH);
  const { GITHUB_SERVER_URL: server, GITHUB_REPOSITORY: repository, GITHUB_RUN_ID: run } = env;
  return {
    repository,
    number:
      event.pull_request?.number ??
      event.issue?.number ??
      event.workflow_run?.pull_requests?.[0]?.number ??
      wholeNumber(/^refs\/pull\/(\d+)\//.exec(env.GITHUB_REF ?? "")?.[1]),
    // On `pull_request`, GITHUB_SHA is the commit of a merge that nobody made; statuses belong to the branch's own.
    commit: event.pull_request?.head?.sha ?? event.workflow_run?.head_sha ?? env.GITHUB_SHA,
    runUrl: server && repository && run ? `${server}/${repository}/actions/runs/${run}` : undefined,
  };
}

/** https://docs.github.com/en/webhooks/webhook-events-and-payloads, of what is used here. */
interface ActionsEvent {
  readonly pull_request?: { readonly number?: number; readonly head?: { readonly sha?: string } };
  readonly issue?: { readonly number?: number };
  readonly workflow_run?: {
    readonly head_sha?: string;
    readonly pull_requests?: readonly { readonly number?: number }[];
  };
}

function eventOf(path: string | undefined): ActionsEvent {
  if (path === undefined || path === "") return {};
  try {
    return JSON.parse(readFileSync(path, "utf8")) as ActionsEvent;
  } catch (error) {
    throw new OrchError(
      {
        reason: "invalid-flag",
        message: "The event of this run can't be read.",
        expected: "JSON, in the file that GITHUB_EVENT_PATH names",
        found: (error as Error).message,
        next: ["Give --number N, and unset GITHUB_EVENT_PATH."],
      },
      { cause: error },
    );
  }
}

const wholeNumber = (text: string | undefined): number | undefined =>
  text !== undefined && /^[1-9]\d{0,9}$/.test(text) ? Number(text) : undefined;
