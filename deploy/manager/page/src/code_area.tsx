// CodeArea: CodeMirror as the page uses it, in a shadow root of its own (code_looks.ts says why).

import {autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap} from "@codemirror/autocomplete";
import {defaultKeymap, history, historyKeymap, indentWithTab} from "@codemirror/commands";
import {json} from "@codemirror/lang-json";
import {yaml} from "@codemirror/lang-yaml";
import {bracketMatching, codeFolding, foldGutter, foldKeymap, indentOnInput} from "@codemirror/language";
import {Diagnostic, lintGutter, lintKeymap, setDiagnostics} from "@codemirror/lint";
import {highlightSelectionMatches, searchKeymap} from "@codemirror/search";
import {Compartment, EditorState, Extension} from "@codemirror/state";
import {EditorView, drawSelection, highlightActiveLine, highlightActiveLineGutter, keymap, lineNumbers} from "@codemirror/view";
import {useEffect, useRef} from "preact/hooks";
import {completeRules, ruleHover} from "./rule_help";
import {looks} from "./code_looks";

export interface Problem {
  line: number;    // from 1; 0: the whole text
  column: number;  // from 1; 0: the whole line
  text: string;
}

export interface CodeHandle {
  goToLine: (line: number) => void;
  replaceAll: (text: string) => void;
  text: () => string;
  focus: () => void;
}

export const languageOf = (text: string): Extension =>
    text.trimStart().startsWith("{") ? json() : yaml();

// What stands between backticks is code.
function saidElement(text: string): HTMLElement {
  const whole = document.createElement("span");
  whole.append(...text.split("`").map((part, i) => {
    if (i % 2 === 0) return part;
    const code = document.createElement("code");
    code.textContent = part;
    return code;
  }));
  return whole;
}

function diagnosticsOf(state: EditorState, problems: Problem[]): Diagnostic[] {
  const found = problems.map((problem): Diagnostic => {
    const line = state.doc.line(Math.min(Math.max(problem.line, 1), state.doc.lines));
    const from = Math.min(line.from + Math.max(problem.column - 1, line.text.search(/\S|$/)), line.to);
    const word = /^[\w$"'.-]+/.exec(state.sliceDoc(from, line.to));
    return {from, to: word && problem.column ? from + word[0].length : line.to, severity: "error", message: problem.text,
            renderMessage: () => saidElement(problem.text)};
  });
  return found.sort((a, b) => a.from - b.from);
}

export function CodeArea({text, label, isRules, readOnly, tall, problems, onChange, handle, escape}: {
  text: string; label: string; isRules?: boolean; readOnly?: boolean; tall?: boolean;
  problems?: Problem[]; onChange?: (text: string) => void;
  handle?: {current: CodeHandle | null}; escape?: () => void;
}) {
  const host = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView | null>(null);
  const changed = useRef(onChange);
  changed.current = onChange;
  useEffect(() => {
    const root = host.current!.shadowRoot ?? host.current!.attachShadow({mode: "open"});
    const language = new Compartment();
    const made = new EditorView({
      root,
      parent: root as unknown as Element,
      doc: text,
      extensions: [
        lineNumbers(), foldGutter(), codeFolding(), history(), drawSelection(), indentOnInput(),
        bracketMatching(), closeBrackets(), highlightActiveLine(), highlightActiveLineGutter(),
        highlightSelectionMatches(), EditorView.lineWrapping, language.of(languageOf(text)), looks,
        isRules ? [autocompletion({override: [completeRules], interactionDelay: 0}), ruleHover] : autocompletion(),
        lintGutter(),
        EditorState.readOnly.of(!!readOnly),
        EditorState.tabSize.of(2),
        EditorView.contentAttributes.of({"aria-label": label, spellcheck: "false"}),
        tall ? EditorView.theme({"&": {height: "100%"}}) : EditorView.theme({"&": {maxHeight: "60vh"}, ".cm-content": {minHeight: "8rem"}}),
        // Tab leaves, as everywhere in the page, once Escape was pressed; else it indents.
        keymap.of([
          {key: "Mod-s", run: () => { dispatchEvent(new Event("turnout-publish")); return true; }, preventDefault: true, stopPropagation: true},
          ...closeBracketsKeymap, ...completionKeymap, ...searchKeymap, ...historyKeymap,
          ...foldKeymap, ...lintKeymap, ...defaultKeymap, indentWithTab,
          {key: "Escape", run: () => { escape?.(); return false; }},
        ]),
        EditorView.updateListener.of((update) => {
          if (update.docChanged) changed.current?.(update.state.doc.toString());
        }),
      ],
    });
    view.current = made;
    made.scrollDOM.tabIndex = 0;
    made.scrollDOM.setAttribute("role", "group");
    made.scrollDOM.setAttribute("aria-label", `${label}, to be scrolled`);
    if (handle) {
      handle.current = {
        goToLine: (line) => {
          const at = made.state.doc.line(Math.min(Math.max(line, 1), made.state.doc.lines));
          made.dispatch({selection: {anchor: at.from},
                         effects: EditorView.scrollIntoView(at.from, {y: "start", yMargin: 60})});
          made.focus();
        },
        replaceAll: (all) => made.dispatch({changes: {from: 0, to: made.state.doc.length, insert: all}}),
        text: () => made.state.doc.toString(),
        focus: () => made.focus(),
      };
    }
    return () => {
      made.destroy();
      root.replaceChildren();
    };
  }, []);
  useEffect(() => {
    if (view.current) view.current.dispatch(setDiagnostics(view.current.state,
        diagnosticsOf(view.current.state, problems ?? [])));
  }, [problems]);
  return <div class="code" ref={host} data-tall={tall ? "" : undefined} />;
}
