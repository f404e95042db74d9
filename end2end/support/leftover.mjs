//! What must not be left behind when the tests are interrupted: processes and folders.

const leftovers = new Set();

/** Has something tidied up when this process ends; call what this gives once it has been tidied up in order. */
export function leftover(tidy) {
  leftovers.add(tidy);
  return () => leftovers.delete(tidy);
}

process.on('exit', () => {
  for (const tidy of [...leftovers].reverse()) tidy();
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, () => process.exit(1));
