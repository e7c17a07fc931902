import type * as host from "@orch/providers/host";
import * as pulumi from "@pulumi/pulumi";

export interface Service {
  folder: pulumi.Output<string>;
  program: host.File;
  settings: host.File;
}

/** The stock service as a unit. The sums in it make a changed file a changed unit, and so a restart. */
export const unitOf = ({ folder, program, settings }: Service): host.SystemdUnitArgs => ({
  name: "stock.service",
  enabled: true,
  started: true,
  content: pulumi.interpolate`[Unit]
Description=What the shop has in stock
# program ${program.sha256}
# settings ${settings.sha256}

[Service]
WorkingDirectory=${folder}
ExecStart=/usr/bin/python3 ${program.path} ${settings.path}
Restart=on-failure

[Install]
WantedBy=multi-user.target
`,
});

/** The same on a machine without systemd: a process that a script starts, looks for and ends. */
export const processOf = ({ folder, program, settings }: Service): host.CommandArgs => {
  const running = 'test -s stock.pid && kill -0 "$(cat stock.pid)" 2>/dev/null';
  const stop = `if ${running}; then kill "$(cat stock.pid)"; fi\nrm -f stock.pid\n`;
  return {
    cwd: folder,
    create: pulumi.interpolate`${stop}nohup python3 '${program.path}' '${settings.path}' >stock.log 2>&1 </dev/null &
echo $! >stock.pid
`,
    read: `${running} && echo running`,
    delete: stop,
    triggers: [program.sha256, settings.sha256],
  };
};
