/** Ansible inventories as programs read them. */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { inventory } from "@orch/providers/host/resources";
import { isSecret, type Output } from "@pulumi/pulumi";
import { describe, expect, test } from "vitest";
import { tempFolder } from "./kit.js";

function written(files: Readonly<Record<string, string>>): string {
  const folder = tempFolder();
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return folder;
}

const ini = `
# a comment
lone ansible_connection=local

[web]
web[01:03].example.com ansible_user=deploy   # trailing
web04.example.com:2222 motd="it's a host" list="['a', True]"

[db]
db-[a:b] ansible_host=10.0.0.5 ansible_port=22

[prod:children]
web
db

[prod:vars]
env=prod
ansible_become=yes
ansible_become_user=app
ansible_become_password=open sesame
level=1

[web:vars]
level=2
`;
const yaml = `
all:
  hosts:
    lone: { ansible_connection: local }
  children:
    prod:
      vars: { env: prod, level: 1, ansible_become: true, ansible_become_user: app, ansible_become_password: open sesame }
      children:
        web:
          vars: { level: 2 }
          hosts:
            web[01:03].example.com: { ansible_user: deploy }
            web04.example.com: { ansible_port: 2222, motd: "it's a host", list: [a, true] }
        db:
          hosts:
            db-[a:b]: { ansible_host: 10.0.0.5, ansible_port: 22 }
`;

describe("an inventory", () => {
  test.each([
    ["INI", "hosts", ini],
    ["YAML", "inventory.yml", yaml],
  ])("as %s: ranges, groups in groups, variables by nearness, connections", async (_kind, file, text) => {
    const folder = written({
      [file]: text,
      "group_vars/all.yml": "level: 0\nfrom: all\n",
      "group_vars/db/main.yml": "from: db\n",
      "host_vars/web02.example.com.yaml": "level: 9\nansible_ssh_private_key_file: ~/.ssh/web\n",
    });
    const read = inventory(join(folder, file));
    expect(read.hosts.map(({ name }) => name).sort()).toEqual([
      "db-a",
      "db-b",
      "lone",
      "web01.example.com",
      "web02.example.com",
      "web03.example.com",
      "web04.example.com",
    ]);
    expect(read.group("prod").map(({ name }) => name)).toHaveLength(6);
    expect(read.groups.web).toHaveLength(4);
    const web2 = read.host("web02.example.com");
    expect(web2.groups).toEqual(["prod", "web"]);
    expect(web2.vars).toMatchObject({ level: 9, env: "prod", from: "all" });
    expect(read.host("web01.example.com").vars.level).toBe(2);
    expect(read.host("db-a").vars).toMatchObject({ level: 1, from: "db" });
    expect(read.host("web04.example.com").vars).toMatchObject({ motd: "it's a host", list: ["a", true] });
    const { become, ...connection } = web2.connection as never as {
      become: { password: Output<string> };
    };
    expect(connection).toEqual({
      type: "ssh",
      host: "web02.example.com",
      user: "deploy",
      privateKeyFile: "~/.ssh/web",
    });
    expect(become).toMatchObject({ method: "sudo", user: "app" });
    expect(await isSecret(become.password)).toBe(true);
    expect(read.host("web04.example.com").connection).toMatchObject({ port: 2222 });
    expect(read.host("db-b").connection).toMatchObject({ host: "10.0.0.5", port: 22 });
    expect(read.host("lone").connection).toEqual({ type: "local" });
  });

  test("a folder of files, jump hosts, and a key that orch does not need", () => {
    const folder = written({
      "inv/a.ini": "[web]\nw1 ansible_ssh_common_args='-o ProxyJump=me@bastion:2200'\n",
      "inv/b.yml": "web:\n  hosts:\n    w2:\n",
      "inv/.hidden": "not read",
    });
    const read = inventory(join(folder, "inv"));
    expect(read.group("web").map(({ name }) => name)).toEqual(["w1", "w2"]);
    expect(read.host("w1").connection).toMatchObject({ jump: [{ user: "me", host: "bastion", port: 2200 }] });
    expect(() => read.host("w3")).toThrow(/there is no host w3; there are w1, w2/);
    expect(() => read.group("toString")).toThrow(/there is no group toString/);
  });

  test.each([
    ["a range that is none", { hosts: "web[5:1]\n" }, /line 1: web\[5:1\] is no range/],
    ["an open quote", { hosts: "a\nweb x='y\n" }, /line 2: a quote is not closed/],
    ["a word that is no variable", { hosts: "web what\n" }, /line 1: expected name=value, found what/],
    ["an unknown section", { hosts: "[web:hostz]\n" }, /\[web:hostz\] is none of/],
    ["a circle", { hosts: "[a:children]\nb\n[b:children]\na\n" }, /a group can't be its own child/],
    ["a script", { hosts: "#!/bin/sh\n" }, /it is a script/],
    [
      "a vaulted value",
      { hosts: "w\n", "host_vars/w.yml": "x: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  6162\n" },
      /w\.yml.*ansible-vault/,
    ],
    [
      "a vaulted file",
      { hosts: "w\n", "group_vars/all.yml": "$ANSIBLE_VAULT;1.1;AES256\n6162\n" },
      /all\.yml.*ansible-vault/,
    ],
    [
      "another way to connect",
      { hosts: "w ansible_connection=winrm\n" },
      /w: ansible_connection: orch reaches machines over ssh, not winrm/,
    ],
    [
      "a template as an address",
      { hosts: 'w ansible_host="{{ x }}"\n' },
      /w: ansible_host: it is a template/,
    ],
    [
      "another way to become",
      { hosts: "w ansible_become=true ansible_become_method=su\n" },
      /sudo and doas, not su/,
    ],
    ["no YAML", { "hosts.yml": "a: [\n" }, /hosts\.yml can't be read/],
    [
      "a wrong key",
      { "hosts.yml": "web:\n  host:\n    x:\n" },
      /web\.host: expected one of hosts, children and vars|web\.host/,
    ],
  ])("refuses %s, and says where", (_what, files, message) => {
    const folder = written(files as never);
    expect(() => inventory(join(folder, Object.keys(files)[0] as string))).toThrow(message);
  });
});
