/** Takes an archive apart, and lets nothing in it reach outside the folder it goes to. */
import { isAbsolute, posix } from "node:path";
import { OrchError } from "@orch/core/model/failure";

/**
 * `.tar.gz` or `.tar`. Rejects with `plugin-install` on a damaged archive, or one with an entry that leads out of `folder`. The
 * whole archive is looked through before the first file is written.
 */
export async function unpack(archive: string, folder: string, shown: string): Promise<void> {
  const { extract, list } = await import("tar");
  let outside: string | undefined;
  let entries = 0;
  try {
    await list({
      file: archive,
      strict: true,
      onReadEntry: (entry) => {
        entries++;
        outside ??= wayOut(entry.path, entry.type, entry.linkpath);
      },
    });
  } catch (error) {
    throw damaged(shown, (error as Error).message, error);
  }
  if (entries === 0) throw damaged(shown, "it holds nothing");
  if (outside !== undefined) {
    throw new OrchError({
      reason: "plugin-install",
      message: `${shown} is not safe: it holds an entry that leads out of the plugin's folder.`,
      expected: "files below the archive's own root",
      found: outside,
      next: [
        "Do not use this archive. Fetch it again from a place that you trust; nothing was put in place.",
      ],
    });
  }
  await extract({ file: archive, cwd: folder, strict: true, preserveOwner: false });
}

/** What about the entry leads out of the folder, if anything does. */
function wayOut(path: string, type: string, link: string | undefined): string | undefined {
  if (leadsOut(path)) return path;
  if (["CharacterDevice", "BlockDevice", "FIFO"].includes(type)) return `${path} (${type})`;
  // A symbolic link counts from where it stands, a hard link from the archive's root.
  if (
    type === "SymbolicLink" &&
    link &&
    (isAbsolute(link) || leadsOut(posix.join(posix.dirname(path), link)))
  )
    return `${path} → ${link}`;
  if (type === "Link" && link && leadsOut(link)) return `${path} → ${link}`;
  return undefined;
}

function damaged(shown: string, why: string, cause?: unknown): OrchError {
  return new OrchError(
    {
      reason: "plugin-install",
      message: `${shown} is damaged, or no archive: ${why}`,
      expected: "a .tar.gz archive",
      next: ["Fetch it again; nothing was put in place."],
    },
    { cause },
  );
}

function leadsOut(path: string): boolean {
  if (isAbsolute(path) || /^[a-zA-Z]:/.test(path) || path.includes("\\")) return true;
  const normal = posix.normalize(path);
  return normal === ".." || normal.startsWith("../");
}
