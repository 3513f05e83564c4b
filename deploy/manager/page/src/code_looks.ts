// How code looks: the page's colours, which follow light and dark by themselves. CodeMirror's style
// sheets are put into a shadow root as adopted sheets, which a content security policy without
// inline styles lets pass; the page's variables reach in there.

import {HighlightStyle, syntaxHighlighting} from "@codemirror/language";
import {EditorView} from "@codemirror/view";
import {tags} from "@lezer/highlight";

export const looks = [
  EditorView.theme({
    "&": {color: "var(--ink)", backgroundColor: "var(--sheet)", fontSize: "0.875rem"},
    "&.cm-focused": {outline: "2px solid var(--accent)", outlineOffset: "-2px"},
    ".cm-scroller": {fontFamily: "ui-monospace, 'Liberation Mono', monospace", lineHeight: "1.55"},
    ".cm-content": {caretColor: "var(--ink)"},
    ".cm-cursor, .cm-dropCursor": {borderLeftColor: "var(--ink)"},
    "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground":
        {backgroundColor: "var(--code-mark)"},
    ".cm-activeLine": {backgroundColor: "color-mix(in srgb, var(--accent-wash) 45%, transparent)"},
    ".cm-gutters": {backgroundColor: "var(--sheet)", color: "var(--quiet)", borderRight: "1px solid var(--line)"},
    ".cm-activeLineGutter": {backgroundColor: "var(--accent-wash)", color: "var(--ink)"},
    ".cm-foldPlaceholder": {background: "var(--ground)", border: "1px solid var(--line)", color: "var(--quiet)"},
    ".cm-searchMatch": {backgroundColor: "var(--notice-wash)", outline: "1px solid var(--notice)"},
    ".cm-panels": {backgroundColor: "var(--ground)", color: "var(--ink)"},
    ".cm-panels input, .cm-panels button": {fontSize: "0.85rem"},
    ".cm-textfield": {backgroundColor: "var(--sheet)", color: "var(--ink)", border: "1px solid var(--edge)", borderRadius: "4px"},
    ".cm-button": {backgroundImage: "none", backgroundColor: "var(--sheet)", color: "var(--ink)", border: "1px solid var(--edge)", borderRadius: "4px"},
    ".cm-tooltip": {backgroundColor: "var(--sheet)", color: "var(--ink)", border: "1px solid var(--edge)", borderRadius: "6px"},
    ".cm-tooltip-autocomplete > ul > li[aria-selected]": {backgroundColor: "var(--accent)", color: "var(--on-accent)"},
    ".cm-tooltip-autocomplete > ul > li": {padding: "2px 8px !important"},
    ".cm-completionInfo": {padding: "0.5rem 0.7rem", maxWidth: "24rem"},
    ".cm-help": {padding: "0.5rem 0.7rem", maxWidth: "26rem", fontFamily: "system-ui, sans-serif", fontSize: "0.875rem"},
    ".cm-help code, .cm-completionInfo code": {display: "block", marginTop: "0.35rem", whiteSpace: "pre-wrap", color: "var(--code-text)", fontFamily: "ui-monospace, monospace", fontSize: "0.8125rem"},
    ".cm-diagnostic": {padding: "0.4rem 0.7rem", maxWidth: "32rem", fontFamily: "system-ui, sans-serif", fontSize: "0.875rem"},
    ".cm-diagnostic-error": {borderLeft: "4px solid var(--stopped)"},
    ".cm-lint-marker-error": {content: "normal", backgroundColor: "var(--stopped)", borderRadius: "50%", width: "0.7em", height: "0.7em", marginTop: "0.35em"},
    ".cm-lintRange-error": {backgroundImage: "none", textDecoration: "underline wavy var(--stopped)", textDecorationSkipInk: "none"},
    ".cm-changedLine, .cm-insertedLine": {backgroundColor: "var(--come) !important"},
    "&.cm-merge-a .cm-changedLine, .cm-deletedChunk": {backgroundColor: "var(--gone) !important"},
    "&.cm-merge-a .cm-changedText, .cm-deletedChunk .cm-deletedText": {background: "var(--gone-strong) !important"},
    "&.cm-merge-b .cm-changedText, .cm-changedText": {background: "var(--come-strong)"},
    ".cm-changedText, .cm-changedText *, .cm-deletedText, .cm-deletedText *": {color: "var(--ink) !important"},
    ".cm-collapsedLines": {background: "var(--ground) !important", color: "var(--quiet)", cursor: "pointer"},
    ".cm-collapsedLines:before, .cm-collapsedLines:after": {content: "'\\2026'"},
    ".cm-changeGutter": {width: "3px", paddingLeft: "1px"},
  }),
  syntaxHighlighting(HighlightStyle.define([
    {tag: [tags.propertyName, tags.definition(tags.propertyName)], color: "var(--code-key)", fontWeight: "550"},
    {tag: [tags.string, tags.content, tags.special(tags.string)], color: "var(--code-text)"},
    {tag: [tags.number, tags.bool, tags.null], color: "var(--code-number)"},
    {tag: tags.comment, color: "var(--code-note)", fontStyle: "italic"},
    {tag: [tags.separator, tags.punctuation, tags.brace, tags.squareBracket], color: "var(--quiet)"},
  ])),
];
