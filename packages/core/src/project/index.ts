export { openBackend } from "./backend.js";
export { getConfig, readConfig, removeConfig, type SetOptions, setConfig } from "./config.js";
export * from "./context.js";
export * from "./contract.js";
export type { ConfigCipher, Keyring } from "./keyring.js";
export { checkStackName, isName } from "./names.js";
export { type FoundProject, findProject, readProject } from "./project-file.js";
export { readStackFile, type StackFile, saveStackFile, stackFilePath } from "./stack-file.js";
export { selectedStack, selectStack } from "./workspace.js";
