/**
 * What a tab of a room's details shows, and how it follows the room.
 *
 * @typedef {{ node: HTMLElement, update?: (room: import("../../state/types.js").Room) => void }} Panel
 */

export {};
