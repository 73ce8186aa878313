/** The graph beside the text: it follows the cursor and the text, and a click on an op goes to its line. */

import * as vscode from "vscode";

import { isPipeline, page } from "./client";

const DELAY = 400; // milliseconds without a change after which the graph is drawn again

const NOTHING = `<!doctype html><body style="font-family: system-ui; padding: 1em">
<p>There is no graph yet: the pipeline has errors. It appears here when they are gone.</p>`;

export class Panel implements vscode.Disposable {
  private panel: vscode.WebviewPanel | undefined;
  private document: vscode.TextDocument | undefined;
  private drawn: string | undefined; // the page that is shown
  private timer: NodeJS.Timeout | undefined;
  private readonly listeners: vscode.Disposable[];

  constructor() {
    this.listeners = [
      vscode.workspace.onDidChangeTextDocument(({ document }) => {
        if (document === this.document) this.drawSoon();
      }),
      vscode.window.onDidChangeActiveTextEditor((editor) => {
        if (this.panel !== undefined && editor !== undefined && isPipeline(editor.document)) this.show(editor);
      }),
      vscode.window.onDidChangeTextEditorSelection(({ textEditor }) => this.follow(textEditor)),
    ];
  }

  show(editor: vscode.TextEditor): void {
    const changed = this.document !== editor.document;
    this.document = editor.document;
    if (this.panel === undefined) {
      this.panel = vscode.window.createWebviewPanel(
        "edgraph.graph",
        "Graph",
        { viewColumn: vscode.ViewColumn.Beside, preserveFocus: true },
        { enableScripts: true, retainContextWhenHidden: true, localResourceRoots: [] },
      );
      this.panel.onDidDispose(() => this.forget());
      this.panel.webview.onDidReceiveMessage((message: unknown) => this.heard(message));
    } else if (!changed) {
      this.panel.reveal(undefined, true);
    }
    if (changed) void this.draw();
  }

  private forget(): void {
    clearTimeout(this.timer);
    this.panel = this.document = this.drawn = undefined;
  }

  private drawSoon(): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.draw(), DELAY);
  }

  private async draw(): Promise<void> {
    const { document } = this;
    if (document === undefined) return;
    const html = (await page(document)) ?? NOTHING;
    // meanwhile the panel may be closed, or about another pipeline
    if (this.panel === undefined || this.document !== document || this.drawn === html) return;
    this.drawn = html;
    this.panel.title = `Graph of ${document.fileName.split(/[\\/]/).at(-1) ?? "the pipeline"}`;
    this.panel.webview.html = html;
  }

  /** The page chooses the op that the cursor is in. */
  private follow(editor: vscode.TextEditor | undefined): void {
    if (editor !== undefined && editor.document === this.document) {
      void this.panel?.webview.postMessage({ line: editor.selection.active.line + 1 });
    }
  }

  /** What the page says: it is there, or the line of the op that was clicked, counted from 1. */
  private heard(message: unknown): void {
    const { ready, line } = (message ?? {}) as { ready?: unknown; line?: unknown };
    const editor = vscode.window.visibleTextEditors.find(({ document }) => document === this.document);
    if (ready === true) this.follow(editor);
    if (typeof line !== "number" || editor === undefined) return;
    const at = new vscode.Position(Math.max(0, line - 1), 0);
    editor.selection = new vscode.Selection(at, at);
    editor.revealRange(new vscode.Range(at, at), vscode.TextEditorRevealType.InCenterIfOutsideViewport);
  }

  dispose(): void {
    this.panel?.dispose();
    for (const listener of this.listeners) listener.dispose();
  }
}
