// Import directions, as ARCHITECTURE.md draws them:
//
//   model ← wire, trace ← graph, provider, state ← project ← program, plan, execute, drift ← engine ← providers, cli
//
// A folder may import what stands left of it. The other packages see core through its build (dist), hence (src|dist).

const core = "^packages/core/(?:src|dist)";

/** Folders of core, lowest layer first; those of one layer do not see each other, but for the contracts named below. */
const layers = [
  ["model"],
  ["wire", "trace"],
  ["graph", "provider", "state"],
  ["project"],
  ["program", "plan", "execute", "drift"],
];

/** Contract files hold types alone, so that two folders of one layer can agree without knowing each other's code. */
const contracts = `${core}/(?:provider|state|program|project)/contract[.]`;

const mayNotSee = layers.flatMap((layer, depth) =>
  layer.map((folder) => {
    const below = layers.slice(0, depth).flat();
    const allowed = [folder, ...below].map((name) => `${core}/${name}/`);
    return {
      name: `core-${folder}`,
      comment: `core/${folder} imports only ${[...below, "itself"].join(", ")}${depth > 1 ? ", contracts" : ""} and npm packages.`,
      severity: "error",
      from: { path: `^packages/core/src/${folder}/` },
      to: { path: "^packages/", pathNot: depth > 1 ? [...allowed, contracts] : allowed },
    };
  }),
);

/** @type {import("dependency-cruiser").IConfiguration} */
module.exports = {
  forbidden: [
    ...mayNotSee,
    {
      name: "model-imports-nothing",
      comment: "The vocabulary has no I/O and no dependencies, Node's own modules included.",
      severity: "error",
      from: { path: "^packages/core/src/model/" },
      to: { pathNot: "^packages/core/src/model/" },
    },
    {
      name: "plan-and-execute-apart",
      comment: "Deciding and doing never import each other, not even types; what they share is in model.",
      severity: "error",
      from: { path: "^packages/core/src/(plan|execute)/" },
      to: { path: "^packages/core/src/(plan|execute)/", pathNot: "^packages/core/src/$1/" },
    },
    {
      name: "core-knows-no-package-above",
      severity: "error",
      from: { path: "^packages/core/src/" },
      to: { path: "^packages/(?!core/)" },
    },
    {
      name: "core-knows-no-terminal",
      comment: "What a person sees is rendered from Plan and Event by the callers of core.",
      severity: "error",
      from: { path: "^packages/core/src/" },
      to: {
        path: "(?:^|/)node_modules/(?:chalk|picocolors|listr2|ink|ora|@oclif)/|^(?:node:)?tty$",
      },
    },
    {
      name: "providers-know-no-cli",
      severity: "error",
      from: { path: "^packages/providers/src/" },
      to: { path: "^packages/(?!core/|providers/)" },
    },
    {
      name: "program-classes-stay-light",
      comment:
        "Resource classes are loaded by every program that uses them; the engine must not come with them.",
      severity: "error",
      from: { path: "^packages/providers/src/[^/]+/resources[.]ts$" },
      to: { path: `${core}/`, dependencyTypesNot: ["type-only"] },
    },
    {
      name: "no-cycles",
      comment: "Types may refer to each other; code may not.",
      severity: "error",
      from: { path: "^packages/" },
      to: { circular: true, viaOnly: { dependencyTypesNot: ["type-only"] } },
    },
    {
      name: "dependencies-are-declared",
      severity: "error",
      from: { path: "^packages/[^/]+/src/" },
      to: { dependencyTypes: ["npm-no-pkg", "npm-unknown"], pathNot: "node_modules/@types/" },
    },
    {
      name: "packages-do-not-import-dev-dependencies",
      severity: "error",
      from: { path: "^packages/[^/]+/src/" },
      to: {
        dependencyTypes: ["npm-dev"],
        dependencyTypesNot: ["type-only"],
        pathNot: "node_modules/@types/",
      },
    },
    {
      name: "resolvable",
      severity: "error",
      from: { path: "^packages/" },
      to: { couldNotResolve: true },
    },
  ],
  options: {
    doNotFollow: { path: ["node_modules", "/dist/"] },
    exclude: { path: ["/dist/.*[.]d[.]ts[.]map$"] },
    tsPreCompilationDeps: "specify",
    tsConfig: { fileName: "tsconfig.base.json" },
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["types", "import", "node", "default"],
      mainFields: ["types", "main"],
    },
    combinedDependencies: true,
  },
};
