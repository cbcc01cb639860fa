/** What roles may do, as the API's policy has it: this only spares people buttons that it refuses. */
const MANAGERS = ["owner", "admin"];
const PAYERS = ["owner", "admin", "billing"];

export const mayManage = (tenant) => MANAGERS.includes(tenant.role);
export const mayPay = (tenant) => PAYERS.includes(tenant.role);
export const isOwner = (tenant) => tenant.role === "owner";
