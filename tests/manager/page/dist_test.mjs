// What is committed under deploy/manager/page/dist is what the sources beside it make, byte for byte.
import assert from "node:assert/strict";
import {execFileSync} from "node:child_process";
import {cpSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync} from "node:fs";
import {tmpdir} from "node:os";
import {dirname, join} from "node:path";
import {test} from "node:test";
import {fileURLToPath} from "node:url";

const PAGE = join(dirname(fileURLToPath(import.meta.url)), "../../../deploy/manager/page");
const BYTES_MAX = 700_000;  // of all of it, as it goes to the browser
const NOT_COPIED = ["node_modules", "dist"];

test("dist is what npm ci and npm run build make of the sources", () => {
  const copy = mkdtempSync(join(tmpdir(), "turnout-page-build-"));
  try {
    for (const name of readdirSync(PAGE).filter((one) => !NOT_COPIED.includes(one)))
      cpSync(join(PAGE, name), join(copy, name), {recursive: true});
    execFileSync("npm", ["ci", "--no-audit", "--no-fund", "--ignore-scripts"], {cwd: copy, stdio: "pipe"});
    execFileSync("npm", ["run", "build"], {cwd: copy, stdio: "pipe"});
    const built = readdirSync(join(copy, "dist")).sort();
    assert.deepEqual(built, readdirSync(join(PAGE, "dist")).sort());
    for (const name of built)
      assert.ok(readFileSync(join(copy, "dist", name)).equals(readFileSync(join(PAGE, "dist", name))), `${name} is another`);
  } finally {
    rmSync(copy, {recursive: true, force: true});
  }
});

test("dist is small, has no source maps, and asks no other host", () => {
  const names = readdirSync(join(PAGE, "dist"));
  assert.deepEqual(names.sort(), ["app.css", "app.js", "index.html"]);
  assert.ok(names.reduce((sum, name) => sum + statSync(join(PAGE, "dist", name)).size, 0) < BYTES_MAX);
  const html = readFileSync(join(PAGE, "dist/index.html"), "utf8");
  assert.doesNotMatch(html, /https?:|<style|<script(?![^>]*src=)| style=| on\w+=/);
  const script = readFileSync(join(PAGE, "dist/app.js"), "utf8");
  assert.doesNotMatch(script, /sourceMappingURL|\beval\(|new Function\(/);
});

test("no lock file names a registry", () => {
  for (const place of [PAGE, dirname(fileURLToPath(import.meta.url))])
    assert.doesNotMatch(readFileSync(join(place, "package-lock.json"), "utf8"), /"resolved"|https?:\/\/[^"]*registry/);
});
