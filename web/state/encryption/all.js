/** The modules of encrypted rooms, as they are loaded together. */
export { EncryptedShelf } from "./encrypted_shelf.js";
export { Mentions } from "./mentions.js";
export { EncryptedRooms } from "./rooms.js";
export { Search } from "./search.js";
export { Sender } from "./sender.js";
export { checkPeople, createDirect } from "./create.js";
export { lastFor, leave } from "./membership.js";
