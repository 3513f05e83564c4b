// DiffView: two texts beside each other, or one below the other where there is no room, with what
// stays the same folded away.

import {MergeView, unifiedMergeView} from "@codemirror/merge";
import {EditorState, Extension} from "@codemirror/state";
import {EditorView, lineNumbers} from "@codemirror/view";
import {useEffect, useRef} from "preact/hooks";
import {languageOf} from "./code_area";
import {looks} from "./code_looks";

const NARROW = "(max-width: 60rem)";

export function DiffView({before, after, titles, onEdit, isPart}: {
  before: string; after: string; titles: [string, string]; onEdit?: (after: string) => void;
  isPart?: boolean;  // lines out of longer texts: without their numbers
}) {
  const host = useRef<HTMLDivElement>(null);
  const isNarrow = matchMedia(NARROW).matches;
  useEffect(() => {
    const root = host.current!.shadowRoot ?? host.current!.attachShadow({mode: "open"});
    const common = (label: string, isFixed: boolean): Extension[] => [
      isPart ? [] : lineNumbers(), languageOf(before || after), looks, EditorView.lineWrapping,
      EditorView.contentAttributes.of({"aria-label": label, spellcheck: "false"}),
      isFixed ? [EditorState.readOnly.of(true)] : [],
      EditorView.updateListener.of((update) => {
        if (!isFixed && update.docChanged) onEdit?.(update.state.doc.toString());
      }),
    ];
    const collapse = {margin: 3, minSize: 6};
    const parent = root as unknown as Element;
    let made: {destroy: () => void};
    if (isNarrow) {
      made = new EditorView({root, parent, doc: after, extensions: [
        ...common(titles[1], !onEdit),
        unifiedMergeView({original: before, mergeControls: false, collapseUnchanged: collapse})]});
    } else {
      made = new MergeView({
        root, parent, collapseUnchanged: collapse, gutter: true,
        a: {doc: before, extensions: common(titles[0], true)},
        b: {doc: after, extensions: common(titles[1], !onEdit)},
        revertControls: onEdit ? "a-to-b" : undefined,
      });
    }
    return () => {
      made.destroy();
      root.replaceChildren();
    };
  }, [before, onEdit ? "" : after, isNarrow]);
  return (
    <figure class="stack">
      <figcaption class="sides"><span>{titles[0]}</span><span>{titles[1]}</span></figcaption>
      <div class="diff" ref={host} tabIndex={0} role="group" aria-label={`${titles[0]}, beside ${titles[1]}`} />
    </figure>
  );
}
