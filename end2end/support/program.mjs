//! A program under test: its output is kept, and it ends when it is asked to.

import { spawn } from 'node:child_process';
import { leftover } from './leftover.mjs';

/** A program gets this long to end in order. */
const STOP_WITHIN = 15_000;
/** Output kept for the message of a failure. */
const KEPT = 200_000;

export class Program {
  #child;
  #ended;
  #heard = () => {};
  output = '';

  constructor(name, file, args, options = {}) {
    const { input, ...spawning } = options;
    this.name = name;
    this.#child = spawn(file, args, { ...spawning, stdio: ['pipe', 'pipe', 'pipe'] });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => {
        this.output = (this.output + text).slice(-KEPT);
        this.#heard();
      });
    }
    const isOver = leftover(() => this.#child.kill('SIGKILL'));
    this.#child.on('close', isOver);
    this.#child.stdin.on('error', () => {}).end(input ?? '');
    this.#ended = new Promise((resolve) => {
      this.#child.on('error', (error) => resolve({ code: null, error }));
      this.#child.on('close', (code, signal) => resolve({ code, signal }));
    });
  }

  get isRunning() {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Resolves with the match once the output holds the pattern. */
  async says(pattern, within = 60_000) {
    const deadline = Date.now() + within;
    for (;;) {
      const match = this.output.match(pattern);
      if (match) return match;
      if (!this.isRunning) throw this.#failure(`ended before it said ${pattern}`);
      const left = deadline - Date.now();
      if (left <= 0) throw this.#failure(`did not say ${pattern} within ${within / 1000} s`);
      const more = new Promise((resolve) => {
        this.#heard = resolve;
      });
      await Promise.race([more, this.#ended, patience(left)]);
    }
  }

  /** Resolves with the exit code. */
  async end(within = 60_000) {
    const ended = await Promise.race([this.#ended, patience(within)]);
    if (!ended) throw this.#failure(`did not end within ${within / 1000} s`);
    if (ended.error) throw ended.error;
    return ended.code;
  }

  /** Waits for its end, which must be a good one. */
  async succeed(within) {
    const code = await this.end(within);
    if (code !== 0) throw this.#failure(`ended with ${code}`);
    return this.output;
  }

  /** Asks it to end and waits for that. */
  async stop() {
    if (this.isRunning) {
      this.#child.kill('SIGTERM');
      if (!(await Promise.race([this.#ended, patience(STOP_WITHIN)]))) {
        this.#child.kill('SIGKILL');
        await this.#ended;
        throw this.#failure('did not stop when it was asked to');
      }
    }
    const { code, error } = await this.#ended;
    if (error) throw error;
    if (/panicked at/.test(this.output)) throw this.#failure('panicked');
    return code;
  }

  /** Ends it without a word, as a power cut would. */
  async kill() {
    if (this.isRunning) this.#child.kill('SIGKILL');
    await this.#ended;
  }

  #failure(what) {
    return new Error(`${this.name} ${what}\n--- its output\n${this.output.slice(-4000)}`);
  }
}

/** Waits no longer than this, and keeps nothing alive. */
function patience(milliseconds) {
  return new Promise((resolve) => {
    setTimeout(resolve, milliseconds).unref();
  });
}
