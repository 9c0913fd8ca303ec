// Requests about people: who is signed in, keys, teams, invites, the server's users.
import { apiUrl, forgetAnswers, getJson, segments, sendJson } from './client';
import type * as schema from './schema';
import type {
  AuditAnswer,
  AuditPage,
  FullTeamAnswer,
  InviteAnswer,
  KeyAnswer,
  LookAnswer,
  MemberAnswer,
  NewInviteAnswer,
  NewKeyAnswer,
  SessionAnswer,
  SignUp,
  TeamAnswer,
  UserAnswer,
} from './schema';

/** An answer whose words are known to be of a closed set. */
type Narrow<Answer, Known> = Omit<Answer, keyof Known> & Known;

export type Role = 'owner' | 'admin' | 'member' | 'viewer';
export type TeamRole = Exclude<Role, 'owner'>;
export type SignUpMode = 'closed' | 'invite' | 'open';
export type UserKind = 'person' | 'service' | 'anonymous';

/** What the server lets people without credentials do, and whether this browser is signed in. */
export type Entrance = Narrow<SessionAnswer, { signup: SignUpMode }>;
export type Membership = Narrow<schema.Membership, { kind: 'user' | 'team'; role: Role }>;

/** What a person sets once for all their runs. */
export interface UserSettings {
  /** Whether runs save the code they ran when nothing else says so. */
  save_code: boolean;
}

/** Who asks. `entity` is where runs go that name none. */
export type Viewer = Narrow<schema.Viewer, { kind: UserKind; settings: UserSettings; memberships: Membership[] }>;
export type ViewerPatch = Partial<Pick<Viewer, 'display_name' | 'email' | 'entity'>> & {
  settings?: Partial<UserSettings>;
};

/** How one signs in: by password, by a one-time link, by an API key, or as the owner of an anonymous run. */
export type Credential = { user: string; password: string } | { token: string } | { key: string } | { claim: string };

export type NewUser = Pick<SignUp, 'user' | 'password'> & Partial<SignUp>;
export type Key = KeyAnswer;
export type NewKey = Pick<schema.NewKey, 'name'> & Partial<schema.NewKey>;
/** A key with its secret, which is seen this one time. */
export type MadeKey = NewKeyAnswer;

/** `role` is one's own; "" for an admin of the server who is no member. */
export type Team = Narrow<TeamAnswer, { role: TeamRole | '' }>;
export type Member = Narrow<MemberAnswer, { kind: UserKind; role: TeamRole }>;
export type TeamDetail = Narrow<FullTeamAnswer, { role: TeamRole | ''; members: Member[] }>;

/** `team` is null for an invite to the server only. */
export type Invite = Narrow<InviteAnswer, { role: TeamRole }>;
export type MadeInvite = Narrow<NewInviteAnswer, { role: TeamRole }>;
/** What an invite says to whoever holds its link. */
export type InviteLook = Narrow<LookAnswer, { role: TeamRole }>;

export type User = Narrow<UserAnswer, { kind: UserKind }>;
export type AuditEntry = AuditAnswer;

const url = (path: string, ...parts: string[]) => apiUrl(`/api/v1/${path}${segments(...parts)}`);

export const getEntrance = () => getJson<Entrance>(url('session'));
export const getViewer = (signal?: AbortSignal) => getJson<Viewer>(url('viewer'), signal);

export async function signIn(credential: Credential): Promise<void> {
  await sendJson<unknown>('POST', url('session'), credential);
  forgetAnswers();
}

export async function signUp(user: NewUser): Promise<void> {
  await sendJson<unknown>('POST', url('users'), user);
  forgetAnswers();
}

export async function signOut(): Promise<void> {
  await sendJson<unknown>('DELETE', url('session'));
  forgetAnswers();
}

export const patchViewer = (patch: ViewerPatch) => sendJson<Viewer>('PATCH', url('viewer'), patch);
export const putPassword = (passwords: { old?: string; new: string }) =>
  sendJson<unknown>('PUT', url('viewer/password'), passwords);

export const getKeys = async () => (await getJson<{ keys: Key[] }>(url('keys'))).keys;
export const makeKey = (key: NewKey) => sendJson<MadeKey>('POST', url('keys'), key);
export const revokeKey = (prefix: string) => sendJson<unknown>('DELETE', url('keys', prefix));

export const getTeams = async () => (await getJson<{ teams: Team[] }>(url('teams'))).teams;
export const makeTeam = (team: string) => sendJson<unknown>('POST', url('teams'), { team });
export const getTeam = (team: string) => getJson<TeamDetail>(url('teams', team));
export const deleteTeam = (team: string) => sendJson<unknown>('DELETE', url('teams', team));
export const putMember = (team: string, user: string, role: TeamRole) =>
  sendJson<unknown>('PUT', url('teams', team, 'members', user), { role });
export const removeMember = (team: string, user: string) =>
  sendJson<unknown>('DELETE', url('teams', team, 'members', user));
export const makeService = (team: string, service: string) =>
  sendJson<unknown>('POST', url('teams', team, 'services'), { service });

export const getInvites = async (team: string | null) =>
  (await getJson<{ invites: Invite[] }>(apiUrl('/api/v1/invites', { team }))).invites;
export const makeInvite = (invite: { team?: string; role?: TeamRole; days?: number }) =>
  sendJson<MadeInvite>('POST', url('invites'), invite);
export const revokeInvite = (number: number) => sendJson<unknown>('DELETE', url('invites', String(number)));
export const lookAtInvite = (token: string) => sendJson<InviteLook>('POST', url('invites/look'), { token });
export const acceptInvite = (token: string) => sendJson<unknown>('POST', url('invites/accept'), { token });

export const claim = (token: string) => sendJson<{ entity: string }>('POST', url('claim'), { token });

export const getUsers = async () => (await getJson<{ users: User[] }>(url('users'))).users;
export const patchUser = (user: string, patch: { admin?: boolean; disabled?: boolean }) =>
  sendJson<unknown>('PATCH', url('users', user), patch);
export const makeSignInLink = async (user: string) =>
  (await sendJson<{ url: string }>('POST', url('users', user, 'link'), {})).url;
export const getAudit = (query: { after?: number; limit?: number }) =>
  getJson<AuditPage>(apiUrl('/api/v1/audit', { ...query }));
