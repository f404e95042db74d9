//! A systemd that does what a test says: the agent asks its `systemctl` instead of the machine's own.

import { chmodSync, copyFileSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { temporaryFolder } from './paths.mjs';

const SCRIPT = fileURLToPath(new URL('../../agent/src/monitored_service/fixture/systemctl.sh', import.meta.url));

/** Plays a systemd. */
export function playSystemd() {
  const { folder, remove } = temporaryFolder('systemd');
  const program = join(folder, 'systemctl');
  mkdirSync(join(folder, 'system'));
  copyFileSync(SCRIPT, program);
  chmodSync(program, 0o755);
  return {
    /** What the agent has to be told of it. */
    environment: { PATH: `${folder}:${process.env.PATH}`, REEVE_TEST_SYSTEMD: folder },
    /** Puts a unit in place, in one step; another `run` is another run of it. */
    unit(name, active, run, description = name) {
      const sub = active === 'active' ? 'running' : 'dead';
      const ended = active === 'failed' ? ['ExecMainCode=2', 'ExecMainStatus=11'] : [];
      const lines = [`Id=${name}`, `Description=${description}`, 'LoadState=loaded', `ActiveState=${active}`, `SubState=${sub}`];
      lines.push(`MainPID=${active === 'active' ? 4242 : 0}`, 'NRestarts=0', `InvocationID=${run}`, 'UnitFileState=enabled', ...ended);
      writeFileSync(join(folder, 'next'), `${lines.join('\n')}\n`);
      renameSync(join(folder, 'next'), join(folder, name));
    },
    remove,
  };
}
