// One SVG file with a <symbol> for each icon named in icons.txt, and the dove.
import { readFile } from "node:fs/promises";
import path from "node:path";

export async function iconSprite(folder, logo) {
  const names = (await readFile(path.join(folder, "icons.txt"), "utf8")).split("\n").filter(Boolean);
  const symbols = await Promise.all(names.map((name) => symbol(folder, name)));
  symbols.push(dove(await readFile(logo, "utf8")));
  return `<svg xmlns="http://www.w3.org/2000/svg">\n${symbols.join("\n")}\n</svg>\n`;
}

async function symbol(folder, name) {
  const file = path.join(folder, "node_modules/lucide-static/icons", `${name}.svg`);
  const source = await readFile(file, "utf8").catch(() => {
    throw new Error(`icons.txt names "${name}", which Lucide does not have. Look it up at lucide.dev/icons.`);
  });
  const drawing = inside(source).replace(/\s*\n\s*/g, "");
  return (
    `<symbol id="${name}" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.75" ` +
    `stroke-linecap="round" stroke-linejoin="round">${drawing}</symbol>`
  );
}

function dove(source) {
  const box = source.match(/viewBox="([^"]+)"/)[1];
  const drawing = inside(source).replace(/<title>.*?<\/title>/s, "").replace(/\s*\n\s*/g, "");
  return `<symbol id="dove" viewBox="${box}" fill="currentColor">${drawing}</symbol>`;
}

function inside(svg) {
  return svg.slice(svg.indexOf(">", svg.indexOf("<svg")) + 1, svg.lastIndexOf("</svg>"));
}
