// The accounts part of the stand-in: a server with a few people and a team, held in memory.
const MICRO = 1e6;
const DAY = 86_400 * MICRO;
const now = () => Math.round(Date.now() * 1000);
const refuse = (status, code, detail, headers = {}) => Object.assign(new Error(detail), { status, code, headers });

export function makeAccounts({ url, signup, signedIn }) {
  const users = new Map();
  const teams = new Map();
  let keys = [];
  let invites = [];
  const audit = [];
  let who = signedIn ? 'ada' : null;
  let tries = 0;
  const note = (action, object) =>
    audit.unshift({ number: audit.length + 1, time_us: now(), user: who ?? '', action, object, via: 'session' });
  const addUser = (user, more = {}) =>
    users.set(user, {
      user,
      display_name: '',
      email: '',
      kind: 'person',
      admin: false,
      disabled: false,
      password: 'a long enough one',
      entity: user,
      settings: { save_code: false },
      created_us: now() - 40 * DAY,
      ...more,
    });
  addUser('ada', { display_name: 'Ada L.', email: 'ada@example.org', admin: true });
  addUser('grace', { display_name: 'Grace H.' });
  addUser('katherine');
  addUser('vision-ci', { kind: 'service', password: null });
  addUser('alan', { disabled: true });
  const member = (role, days) => ({ role, joined_us: now() - days * DAY });
  teams.set('vision', {
    created_us: now() - 30 * DAY,
    members: new Map([
      ['ada', member('admin', 30)],
      ['grace', member('member', 12)],
      ['katherine', member('viewer', 2)],
      ['vision-ci', member('member', 1)],
    ]),
  });
  const addKey = (name, more) => {
    const prefix = `ksk_${Math.random().toString(36).slice(2, 10).padEnd(8, 'x')}`;
    const key = {
      prefix,
      name,
      scopes: ['read', 'write'],
      project: null,
      user: who ?? 'ada',
      created_us: now(),
      expires_us: null,
      used_us: null,
      ...more,
    };
    keys.push(key);
    return key;
  };
  addKey('lab3', { user: 'ada', created_us: now() - 20 * DAY, used_us: now() - 90 * MICRO });
  addKey('laptop', {
    user: 'ada',
    created_us: now() - 80 * DAY,
    expires_us: now() + 3 * DAY,
    used_us: now() - 2 * DAY,
  });
  addKey('dashboard', { user: 'ada', scopes: ['read'], project: 'ada/digits', expires_us: now() + 200 * DAY });
  addKey('nightly', { user: 'vision-ci', used_us: now() - 7000 * MICRO, expires_us: now() + 60 * DAY });
  for (let i = 0; i < 60; i++) {
    const acts = ['key.create', 'member.role', 'invite.create', 'user.sign-in', 'team.create'];
    const row = { number: 60 - i, time_us: now() - i * 3700 * MICRO, user: i % 3 ? 'ada' : 'grace' };
    audit.push({ ...row, action: acts[i % 5], object: i % 5 === 1 ? 'vision/katherine' : 'lab3', via: 'session' });
  }
  const rolesOf = (user) => {
    const own = { entity: user, kind: 'user', role: 'owner' };
    const inTeams = [...teams].filter(([, team]) => team.members.has(user));
    return [own, ...inTeams.map(([entity, t]) => ({ entity, kind: 'team', role: t.members.get(user).role }))];
  };
  const viewer = () => {
    const { password, disabled, created_us, ...user } = users.get(who);
    const memberships = rolesOf(who);
    const entities = memberships.map((one) => one.entity);
    return { ...user, has_password: !!password, memberships, entities, server: { version: '0.1.0', url } };
  };
  const teamOf = (name) => {
    const team = teams.get(name);
    if (!team || (!team.members.has(who) && !users.get(who).admin))
      throw refuse(404, 'absent', `there is no team ${name}`);
    return team;
  };
  const inviteOf = (token) => {
    const invite = invites.find((one) => one.token === token && !one.used_by);
    if (!invite) throw refuse(404, 'absent', 'this invitation was used, has expired, or never was');
    return invite;
  };
  const take = (invite) => {
    invite.used_by = who;
    if (invite.team) teams.get(invite.team).members.set(who, { role: invite.role, joined_us: now() });
  };
  const shown = ({ token, ...invite }) => invite;
  invites.push({ number: 1, token: 'open', team: 'vision', role: 'member', by: 'ada', created_us: now() - DAY, expires_us: now() + 6 * DAY, used_by: null }); // prettier-ignore
  invites.push({ number: 2, token: 'server', team: null, role: 'member', by: 'ada', created_us: now() - DAY, expires_us: now() + 3600 * 5 * MICRO, used_by: null }); // prettier-ignore

  const routes = {
    'GET session': () => ({ signup, anonymous: true, signed_in: who !== null }),
    'POST session': (body) => {
      if (body.token === 'used')
        throw refuse(401, 'token', 'this sign-in link was used already or is older than an hour');
      if (body.key !== undefined && body.key.length < 4)
        throw refuse(401, 'key', 'this API key is not known here, or has expired');
      if (body.user !== undefined) {
        const user = users.get(body.user);
        if (tries >= 5) throw refuse(429, 'tries', 'too many failed sign-ins', { 'retry-after': '42' });
        if (user?.password !== body.password)
          throw (tries++, refuse(401, 'password', 'this user name and password do not belong together'));
        if (user.disabled)
          throw refuse(403, 'disabled', 'this account is disabled; an admin of the server can enable it');
      }
      who = body.user ?? 'ada';
      return {};
    },
    'DELETE session': () => ((who = null), null),
    'POST users': (body) => {
      const invite = body.invite === undefined ? null : inviteOf(body.invite);
      if (!invite && signup !== 'open') throw refuse(403, 'signup', 'new people need an invitation here');
      if (users.has(body.user) || teams.has(body.user)) throw refuse(409, 'taken', 'this name is taken');
      if (/password/.test(body.password))
        throw refuse(400, 'password', 'this password is one of the most common: choose another');
      addUser(body.user, { password: body.password, display_name: body.display_name ?? '', created_us: now() });
      who = body.user;
      if (invite) take(invite);
      return {};
    },
    'GET viewer': viewer,
    'PATCH viewer': (body) => {
      const user = users.get(who);
      Object.assign(user, body, { settings: { ...user.settings, ...body.settings } });
      return viewer();
    },
    'PUT viewer/password': (body) => {
      const user = users.get(who);
      if (user.password && user.password !== body.old) throw refuse(403, 'password', 'the current password is another');
      user.password = body.new;
      return null;
    },
    'GET keys': () => ({ keys: keys.filter((key) => key.user === who || users.get(key.user)?.kind === 'service') }),
    'POST keys': (body) => {
      note('key.create', body.name);
      const expires_us = body.days ? now() + body.days * DAY : null;
      const key = addKey(body.name, { ...body, user: body.service ?? who, project: body.project ?? null, expires_us });
      return { ...key, key: `${key.prefix}${'0123456789abcdef'.repeat(3).slice(0, 43)}` };
    },
    'DELETE keys/:': (_, prefix) => ((keys = keys.filter((key) => key.prefix !== prefix)), null),
    'GET teams': () => ({
      teams: [...teams]
        .filter(([, one]) => one.members.has(who))
        .map(([team, one]) => ({
          team,
          role: one.members.get(who).role,
          members: one.members.size,
          projects: 2,
          created_us: one.created_us,
        })),
    }),
    'POST teams': ({ team }) => {
      if (users.has(team) || teams.has(team)) throw refuse(409, 'taken', 'this name is taken');
      teams.set(team, { created_us: now(), members: new Map([[who, { role: 'admin', joined_us: now() }]]) });
      return {};
    },
    'GET teams/:': (_, name) => {
      const team = teamOf(name);
      const members = [...team.members].map(([user, one]) => ({
        user,
        ...one,
        display_name: users.get(user).display_name,
        kind: users.get(user).kind,
      }));
      return { team: name, role: team.members.get(who)?.role ?? null, created_us: team.created_us, members };
    },
    'DELETE teams/:': (_, name) => {
      if (name === 'vision') throw refuse(409, 'not-empty', 'vision owns 2 projects: move or delete them first');
      teams.delete(name);
      return null;
    },
    'PUT teams/:/members/:': ({ role }, name, user) => {
      const { members } = teamOf(name);
      if (user === who && role !== 'admin')
        throw refuse(409, 'last-admin', 'the last admin of a team cannot step down: make somebody else an admin first');
      members.get(user).role = role;
      return null;
    },
    'DELETE teams/:/members/:': (_, name, user) => (teamOf(name).members.delete(user), null),
    'POST teams/:/services': ({ service }, name) => {
      addUser(`${name}-${service}`, { kind: 'service', password: null });
      teamOf(name).members.set(`${name}-${service}`, { role: 'member', joined_us: now() });
      return {};
    },
    'GET invites': (_, query) => ({
      invites: invites.filter((one) => one.team === (query.get('team') || null)).map(shown),
    }),
    'POST invites': (body) => {
      const token = Math.random().toString(36).slice(2);
      const invite = { number: invites.length + 1, token, team: body.team ?? null, role: body.role ?? 'member', by: who, created_us: now(), expires_us: now() + (body.days ?? 7) * DAY, used_by: null }; // prettier-ignore
      invites.push(invite);
      return { ...shown(invite), url: `${url}/invite#token=${token}` };
    },
    'DELETE invites/:': (_, number) => ((invites = invites.filter((one) => one.number !== Number(number))), null),
    'POST invites/look': ({ token }) => shown(inviteOf(token)),
    'POST invites/accept': ({ token }) => (take(inviteOf(token)), null),
    'POST claim': () => ({ entity: who }),
    'GET users': () => ({ users: [...users.values()] }),
    'PATCH users/:': (body, user) => (Object.assign(users.get(user), body), null),
    'POST users/:/link': () => ({ url: `${url}/login#token=abc` }),
    'GET audit': (_, query) => {
      const after = Number(query.get('after') ?? Infinity);
      const limit = Number(query.get('limit') ?? 50);
      const rest = audit.filter((one) => one.number < after);
      return { entries: rest.slice(0, limit), next: rest.length > limit ? rest[limit - 1].number : null };
    },
  };
  const table = Object.entries(routes).map(([pattern, act]) => [
    new RegExp(`^${pattern.replaceAll(':', '([^/]+)')}$`),
    act,
  ]);
  const PUBLIC = ['GET session', 'POST session', 'POST users', 'POST invites/look', 'POST claim'];

  /** The answer to a request below /api/v1/, undefined when it is not about people. */
  return function answer(method, path, query, body) {
    const asked = `${method} ${path.replace(/^\/api\/v1\//, '')}`;
    for (const [pattern, act] of table) {
      const found = pattern.exec(asked);
      if (!found) continue;
      if (who === null && !PUBLIC.includes(asked)) throw refuse(401, 'unauthenticated', 'sign in first');
      return { payload: act(body ?? {}, ...found.slice(1).map(decodeURIComponent), query) };
    }
    if (who === null) throw refuse(401, 'unauthenticated', 'sign in first');
    return undefined;
  };
}
