//! A device that a test plays over plain HTTP: it registers as a machine does, says which build runs, asks for updates and
//! reports how they go. What it reports is up to the test.

import { generateKeyPairSync, randomUUID } from 'node:crypto';

/** Becomes a device with a token for one. `running` is what it says that it runs, unless a test says otherwise. */
export async function playDevice(server, token, name, { version = '1.3.0', seq = 0 } = {}) {
  const { publicKey } = generateKeyPairSync('ed25519');
  const key = publicKey.export({ format: 'jwk' }).x;
  let running = { version, seq, build_id: `old-${name}`, libc: 'gnu', is_supervised: true };
  const call = async (method, path, body, bearer) => {
    const headers = { ...(body && { 'content-type': 'application/json' }), ...(bearer && { authorization: `Bearer ${bearer}` }) };
    const response = await fetch(`${server.url}/api/v1/agents${path}`, { method, headers, body: body && JSON.stringify(body) });
    const text = await response.text();
    return { status: response.status, body: text ? JSON.parse(text) : null };
  };
  const facts = { hostname: name };
  const machine = { os_type: 'linux', os_architecture: 'x86_64', agent_version: version, facts, hostname: name };
  const made = await call('POST', '/register', { token, device_public_key: key, ...machine });
  if (made.status !== 201) throw new Error(`${name} is not taken: ${made.status} ${JSON.stringify(made.body)}`);
  const { agent_id: id, agent_token: bearer } = made.body;
  let update = null;
  let step = 0;
  const say = async (state, more = {}) => {
    step += 1;
    const status = { update_id: update?.update_id ?? randomUUID(), step, state, running, seq: update?.seq ?? 0, at: new Date().toISOString(), ...more };
    const answer = await call('POST', `/${id}/updates/${status.update_id}`, status, bearer);
    if (answer.status !== 200) throw new Error(`${name} is not heard: ${answer.status} ${JSON.stringify(answer.body)}`);
  };
  // A report about an update that nobody knows still says what runs.
  await say('accepted');
  return {
    id,
    name,
    /** Asks whether an update is due; answers it, or nothing. */
    async ask() {
      const words = { version: running.version, seq: running.seq, highest_seq: running.seq, os: 'linux', arch: 'x86_64', libc: 'gnu' };
      const { status, body } = await call('GET', `/check_update?${new URLSearchParams(words)}`, undefined, bearer);
      if (![200, 204].includes(status)) throw new Error(`${name} asked and got ${status} ${JSON.stringify(body)}`);
      if (status === 200) {
        if (update?.update_id !== body.update_id) step = 0;
        update = body;
      }
      return body;
    },
    say,
    /** May it change over now? */
    async go() {
      return (await call('GET', `/${id}/updates/${update.update_id}/go`, undefined, bearer)).body;
    },
    /** Takes the update and keeps it. */
    async confirm() {
      for (const state of ['accepted', 'downloading', 'staged']) await say(state);
      await this.go();
      running = { ...running, version: update.new_version, seq: update.seq, build_id: `agent-${update.seq}`, sha256: update.checksum };
      await say('switched');
      await say('confirmed', { gap_ms: 312 });
    },
    /** Takes the update and goes back to what ran before. */
    async rollBack(lines = []) {
      for (const state of ['accepted', 'downloading', 'staged']) await say(state);
      await this.go();
      await say('switched');
      await say('rolled_back', { reason: 'crashed', detail: 'It ended 3 times.', gap_ms: 4210, log_lines: lines });
    },
  };
}
