// Prints native.d.ts, made of what the macros of the addon wrote down while it was compiled.
//
// Usage: node node-types.mjs <directory of the build script's output>
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const folder = join(process.argv[2], "types");
// Two compilations at once write everything twice.
const written = readdirSync(folder).flatMap((file) => readFileSync(join(folder, file), "utf8").split("\n").filter(Boolean));
const lines = [...new Set(written)];
const parts = lines.map((line) => JSON.parse(line)).sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));

const doc = (part) => part.js_doc.trimEnd();
const functions = parts.filter(({ kind }) => kind === "fn").map((part) => `${doc(part)}\nexport declare ${part.def}\n`);
const classes = parts.filter(({ kind }) => kind === "struct").map((part) => {
  const { def } = parts.find(({ kind, name }) => kind === "impl" && name === part.name);
  const members = def.split("\n").map((line) => `  ${line.trim()}\n`);
  return `${doc(part)}\nexport declare class ${part.name} {\n${members.join("")}}\n`;
});
const interfaces = parts.filter(({ kind }) => kind === "interface").map((part) => {
  const members = part.def.split("\n").map((line) => `  ${line.trim()}\n`);
  return `${doc(part)}\nexport interface ${part.name} {\n${members.join("")}}\n`;
});
const types = parts.filter(({ kind }) => kind === "type").map((part) => `${doc(part)}\nexport type ${part.name} = ${part.def}\n`);

console.log("// Generated from src/*.rs by scripts/node.sh; do not edit.\n");
console.log([...functions, ...classes, ...interfaces, ...types].join("\n").trimEnd());
