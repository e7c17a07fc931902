/** What packages and repositories share: which package manager a machine has. */
import { z } from "zod";

export const managerProperty = z
  .enum(["apt", "dnf", "zypper"])
  .optional()
  .describe("The package manager. Default: the one that the machine has.");

/** Sets `m`; refuses a machine without one. dnf also stands for its older name yum. */
export const managerFunctions = `
manager() {
  m=$1
  if [ -z "$m" ]; then
    if have apt-get && have dpkg-query; then m=apt
    elif have dnf || have yum; then m=dnf
    elif have zypper; then m=zypper
    else refuse manager 'apt, dnf or zypper' 'none of them'; fi
  fi
}
do_apt() {
  DEBIAN_FRONTEND=noninteractive APT_LISTCHANGES_FRONTEND=none apt-get -y -q -o DPkg::Lock::Timeout=300 \\
    -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold "$@"
}
do_dnf() { if have dnf; then dnf -y -q "$@"; else yum -y -q "$@"; fi; }
do_zypper() { zypper --non-interactive --quiet "$@"; }
`;
