// The labels as the page shows them: name as in the API, mark, key, English name. Knows no document.

export const ROLES = [
  { name: "成效", en: "Achievement", id: "achievement", mark: "●", key: "1" },
  { name: "问题", en: "Problem", id: "problem", mark: "▲", key: "2" },
  { name: "计划", en: "Plan", id: "plan", mark: "→", key: "3" },
  { name: "其他", en: "Other", id: "other", mark: "○", key: "4" },
];

export const TOPICS = [
  { name: "执法", en: "Enforcement", id: "enforcement", key: "z" },
  { name: "复议", en: "Reconsideration", id: "reconsideration", key: "f" },
  { name: "审批", en: "Approval", id: "approval", key: "s" },
  { name: "普法", en: "Legal education", id: "education", key: "p" },
];

export const [ACHIEVEMENT, PROBLEM, PLAN, OTHER] = ROLES.map((role) => role.name);
export const NO_TOPIC = "";  // stands for "no topic" in filters and counts

const BY_NAME = new Map([...ROLES, ...TOPICS].map((label) => [label.name, label]));

export function labelOf(name) {
  return BY_NAME.get(name);
}

export function sameLabel(one, other) {
  return one.role === other.role && one.topics.length === other.topics.length
    && one.topics.every((topic) => other.topics.includes(topic));
}

// Topics in the order of the guideline, whatever order they were chosen in.
export function inOrder(topics) {
  return TOPICS.map((topic) => topic.name).filter((name) => topics.includes(name));
}

export function withRole(label, role) {
  return { role, topics: label.topics };
}

export function toggleTopic(label, topic) {
  const without = label.topics.filter((one) => one !== topic);
  const has = without.length < label.topics.length;
  return { role: label.role, topics: has ? without : inOrder([...without, topic]) };
}
