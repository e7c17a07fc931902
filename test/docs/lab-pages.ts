/** Pages with commands that need more than npm packages (`<!-- run: lab -->`), and what of test/lab/tools each needs. test/lab/pages.test.ts runs them. */
export const labPages: Readonly<Record<string, readonly string[]>> = {
  "README.md": ["registry"],
  "docs/automation.md": ["jq"],
  "docs/kubernetes.md": [
    ...["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok", "kubectl"],
  ],
  "docs/quick-start.md": ["registry"],
  "docs/state.md": ["postgres"],
};
