/** Where the API lives. */
export const API_PATH = '/api/1.1';

/** Who a token is. */
export const ME_PATH = `${API_PATH}/me`;

/** A personal access token about itself. */
export const ME_TOKEN_PATH = `${ME_PATH}/token`;

/** A workflow is called behind it, by its name. */
export const WORKFLOWS_PATH = `${API_PATH}/wf/`;

/** Records of a declared data type are read and written behind it: TYPE, TYPE/ID and TYPE/bulk. */
export const DATA_PATH = `${API_PATH}/obj/`;

/** The path that calls of one kind are counted by: all records of a type have one. */
export function countedPath(path: string): string {
  if (!path.startsWith(DATA_PATH)) return path;
  const [type = '', id] = path.slice(DATA_PATH.length).split('/', 2);
  return id === undefined || id === BULK ? path : `${DATA_PATH}${type}/:id`;
}

/** In the place of an id: many records at once. */
export const BULK = 'bulk';

/** What an address behind DATA_PATH is of. */
export type DataPlace = 'type' | 'record' | 'bulk';

/** Which type, and which of its records. The raw path, so that each record has one address and no encoded spelling of it. */
export function dataAddressIn(path: string): { type: string; id: string; place: DataPlace } {
  const [type = '', id = ''] = path.slice(DATA_PATH.length).split('/');
  return { type, id, place: id === BULK ? 'bulk' : id === '' ? 'type' : 'record' };
}

/** What is managed by whoever runs the app. */
export const MANAGEMENT_PATH = `${API_PATH}/admin`;

/** The API as a resource that tokens are asked for (RFC 8707 section 2), which is their `aud` too. */
export function apiResource(url: string): string {
  return `${url}${API_PATH}`;
}

/** The API's protected resource metadata, as 401 and 403 challenges point to it (RFC 9728 section 5.1). */
export function resourceMetadataUrl(url: string): string {
  return `${url}/.well-known/oauth-protected-resource${API_PATH}`;
}
