// The page's build: one script, one style sheet, one document, under names that stay the same, so
// that CMake can list them. No source maps, no preload helper, nothing inline.

// What the compiler embeds is ASCII, so that it can be cut anywhere.
const asciiOnly = {
  name: "ascii-only",
  enforce: "post",
  generateBundle(_, bundle) {
    for (const file of Object.values(bundle)) {
      if (file.type !== "chunk") continue;
      file.code = file.code.replace(/[^\x00-\x7f]/g, (unit) =>
        "\\u" + unit.charCodeAt(0).toString(16).padStart(4, "0"));
    }
  },
};

export default {
  plugins: [asciiOnly],
  base: "./",
  build: {
    outDir: "dist",
    emptyOutDir: true,
    assetsDir: "",
    sourcemap: false,
    modulePreload: false,
    cssCodeSplit: false,
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 1000,
    target: "es2022",
    rolldownOptions: {
      output: {
        entryFileNames: "app.js",
        chunkFileNames: "[name].js",
        assetFileNames: "app[extname]",
        codeSplitting: false,
      },
    },
  },
};
