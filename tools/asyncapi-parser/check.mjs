// Reads each document with AsyncAPI's own parser, and compiles each pattern of a JSON document with flag u. Fails for any
// diagnostic above the level of information.
import { readFileSync } from "node:fs";
import { Parser } from "@asyncapi/parser";

const information = 2; // of error 0, warning 1, information 2, hint 3

function* patterns(value) {
  if (value === null || typeof value !== "object") return;
  if (typeof value.pattern === "string") yield value.pattern;
  for (const part of Object.values(value)) yield* patterns(part);
}

const files = process.argv.slice(2);
let failed = files.length === 0;
for (const file of files) {
  const text = readFileSync(file, "utf8");
  const { document, diagnostics } = await new Parser().parse(text);
  const problems = diagnostics
    .filter((d) => d.severity < information)
    .map((d) => `${d.path.join(".")}: ${d.message}`);
  for (const pattern of patterns(file.endsWith(".json") ? JSON.parse(text) : null)) {
    try {
      new RegExp(pattern, "u");
    } catch (error) {
      problems.push(error.message);
    }
  }
  if (!document) problems.push("it is not valid");
  console.log(`${file}: ${problems.length === 0 ? "valid" : problems.join("\n  ")}`);
  failed ||= problems.length > 0;
}
process.exit(failed ? 1 : 0);
