/** The extension: the language server for pipelines, and their graph beside the text. */

import * as vscode from "vscode";

import { isPipeline, start, stop } from "./client";
import { Panel } from "./panel";

export async function activate(context: vscode.ExtensionContext): Promise<void> {
  const panel = new Panel();
  context.subscriptions.push(
    panel,
    vscode.commands.registerCommand("edgraph.showGraph", () => {
      const editor = vscode.window.activeTextEditor;
      if (editor !== undefined && isPipeline(editor.document)) panel.show(editor);
    }),
    vscode.commands.registerCommand("edgraph.restart", restart),
    vscode.window.onDidChangeActiveTextEditor(mark),
    vscode.workspace.onDidChangeConfiguration(async (change) => {
      if (change.affectsConfiguration("edgraph")) await restart();
    }),
  );
  mark(vscode.window.activeTextEditor);
  await start();
}

export const deactivate = stop;

async function restart(): Promise<void> {
  await stop();
  mark(vscode.window.activeTextEditor);
  await start();
}

/** Whether the button above the text is shown. */
function mark(editor: vscode.TextEditor | undefined): void {
  const found = editor !== undefined && isPipeline(editor.document);
  void vscode.commands.executeCommand("setContext", "edgraph.isPipeline", found);
}
