// Every word of the page in both languages: key -> [Chinese, English]. {name} is filled in.

import { keep, read } from "./settings.js";

const STRINGS = {
  brand: ["法治报告工作台", "Report workbench"],
  start: ["文件", "Files"],
  review: ["待核", "Review"],
  compare: ["比较", "Compare"],
  colon: ["：", ": "],
  skip: ["跳到正文", "Skip to the content"],
  language: ["English", "中文"],
  language_label: ["Switch to English", "切换到中文"],
  theme_auto: ["自动", "auto"],
  theme_light: ["浅色", "light"],
  theme_dark: ["深色", "dark"],
  theme: ["外观：{theme}", "Theme: {theme}"],
  name_label: ["署名", "Your name"],
  name_hint: ["署名（选填）", "Your name"],
  help: ["帮助", "Help"],
  close: ["关闭", "Close"],
  cancel: ["取消", "Cancel"],

  // files in
  home_title: ["读一份报告", "Read a report"],
  home_lead: [
    "逐句标出法治政府建设报告里的成效、问题、计划和主题，由您核对，修改即时保存。文件只送到本服务。",
    "Every sentence of a rule-of-law report is tagged with its role and topics for you to check; corrections are saved "
      + "at once. Files go to this service only.",
  ],
  drop: ["把文件拖到这里", "Drop files here"],
  drop_formats: ["Word、WPS、PDF、网页或文本，可一次多份", "Word, WPS, PDF, web pages or text; one or many"],
  no_folder: ["不能拖入文件夹，请选择其中的文件。", "A folder cannot be dropped; choose the files in it."],
  choose: ["选择文件", "Choose files"],
  drop_now: ["松开即读取", "Let go to read"],
  paste: ["或粘贴正文", "Or paste the text"],
  paste_hint: ["从 Word、WPS 或网页复制后粘贴到这里", "Copy from Word, WPS or a web page and paste here"],
  paste_go: ["标注", "Tag it"],
  pasted_name: ["粘贴的文本", "Pasted text"],
  queue: ["本次文件", "These files"],
  wait: ["排队", "Waiting"],
  sending: ["上传 {percent}%", "Uploading {percent}%"],
  reading: ["读取并标注…", "Reading and tagging…"],
  ready: ["完成，{units} 句", "Done, {units} sentences"],
  failed: ["未能处理", "Failed"],
  open: ["打开", "Open"],
  retry: ["重试", "Try again"],
  back: ["返回文件", "Back to the files"],
  compare_these: ["比较这 {count} 份", "Compare these {count}"],
  recent: ["最近的报告", "Recent reports"],
  recent_none: ["还没有报告。读过的报告会列在这里。", "None yet. Reports that were read are listed here."],
  older: ["更早的 {count} 份", "{count} older"],
  units: ["{count} 句", "{count} sentences"],
  corrected_count: ["已核 {count} 句", "{count} checked"],
  pick: ["选中“{name}”以比较", "Select “{name}” to compare"],
  compare_go: ["比较所选（{count}）", "Compare selected ({count})"],
  compare_first: ["一次最多 {count} 份：比较前 {count} 份", "At most {count} at once: compare the first {count}"],
  compare_few: ["勾选两份以上可以比较", "Select two or more to compare"],
  no_store: [
    "本服务未开启存储：可以标注，但不保存、不导出。",
    "This service stores nothing: it tags, but saves and exports nothing.",
  ],

  // the report
  loading: ["正在打开…", "Opening…"],
  not_opened: ["这份报告暂时打不开。", "This report cannot be opened now."],
  model: ["模型 {version}", "model {version}"],
  not_found: ["没有找到这份报告。", "This report was not found."],
  notes: ["读取说明", "Notes from reading"],
  outline: ["目录", "Contents"],
  report_text: ["报告正文", "Text of the report"],
  tab_text: ["正文", "Text"],
  tab_panel: ["分析", "Analysis"],
  filters: ["筛选", "Filters"],
  role: ["性质", "Role"],
  topic: ["主题", "Topics"],
  state: ["状态", "State"],
  no_topic: ["无主题", "No topic"],
  unsure: ["存疑", "Unsure"],
  corrected: ["已核", "Checked"],
  search: ["查找", "Search"],
  search_hint: ["查找（按 /）", "Search (press /)"],
  clear: ["清除筛选", "Clear filters"],
  context: ["上下文", "Context"],
  furniture: ["页眉页脚", "Page furniture"],
  matching: ["{count} / {all} 句", "{count} of {all}"],
  none_match: ["没有符合条件的句子。", "No sentence matches."],
  export: ["导出", "Export"],
  export_xlsx: ["Excel 表格", "Excel table"],
  export_csv: ["CSV 表格", "CSV table"],
  export_jsonl: ["JSONL 数据", "JSONL data"],
  export_docx: ["Word 摘要", "Word summary"],
  exporting: ["正在导出…", "Exporting…"],
  exported_without: [
    "已导出 {name}，不含尚未保存的 {count} 处修改",
    "{name} exported, without {count} changes that are not saved yet",
  ],
  print: ["打印", "Print"],
  exported: ["已导出 {name}", "{name} exported"],

  // the panel
  counts: ["概览", "Overview"],
  roles: ["各类句数", "Sentences by role"],
  matrix: ["性质 × 主题", "Role × topic"],
  matrix_hint: [
    "点数字只看这些句子；一句可有多个主题。",
    "Click a number to see those sentences; a sentence may have several topics.",
  ],
  total: ["合计", "Total"],
  cell: ["{role}，{topic}：{count} 句", "{role}, {topic}: {count}"],
  of_all: ["{count} 句，占 {percent}%", "{count}, {percent}%"],
  tab_problems: ["问题与计划", "Problems"],
  problems: ["问题与对应计划", "Problems and the plans that answer them"],
  problems_none: ["没有标为“问题”的句子。", "No sentence is tagged as a problem."],
  answered_by: ["相近的计划", "Closest plans"],
  unanswered: ["未见同主题的相近计划", "No close plan of the same topic"],
  problems_hint: ["按主题和措辞推测，请核对。", "Guessed by topic and wording; please check."],
  why_beside: ["紧随该问题", "Follows the problem"],
  why_close: ["用词相近", "Close wording"],
  why_loose: ["用词略近", "Loosely close wording"],
  unanswered_count: ["{all} 处问题，{none} 处未见相近计划", "{all} problems, {none} without a close plan"],
  completeness: ["应有内容", "Required parts"],
  completeness_title: ["年度报告应有内容对照", "What a yearly report must contain"],
  parts_open: ["应有内容 {all} 部分，{open} 部分请人工核对", "{all} required parts, {open} to be checked by eye"],
  evidence: ["依据 {count} 句", "{count} sentences as evidence"],
  evidence_none: ["未找到依据句，请人工核对", "No evidence found; please check by eye"],
  evidence_some: ["依据不全或只有线索（{count} 句），请人工核对", "Evidence in part, or hints ({count}); please check by eye"],
  evidence_hints: ["仅有线索 {count} 句，请人工核对", "Only {count} hints; please check by eye"],
  evidence_optional: ["无（此项可以没有）", "None (this part is optional)"],
  cue: ["依据词：{cue}", "by the word {cue}"],
  cue_above: ["依据上级标题中的：{cue}", "by {cue} in a heading above"],
  more: ["其余 {count} 句", "{count} more"],
  insight_failed: ["暂不能得出分析。", "The analysis is not available now."],
  computing: ["正在计算…", "Working…"],

  // one sentence
  inspector: ["所选句子", "Selected sentence"],
  pick_one: ["点一句开始核对", "Pick a sentence to check it"],
  page: ["第 {page} 页", "page {page}"],
  paragraph: ["第 {paragraph} 段", "paragraph {paragraph}"],
  table: ["表 {table} 第 {row} 行第 {column} 列", "table {table}, row {row}, column {column}"],
  model_says: ["模型：{label}（{percent}%）", "Model: {label} ({percent}%)"],
  labelled_by: ["{user} 于 {time} 核定", "checked by {user}, {time}"],
  someone: ["未署名", "unnamed"],
  confirm: ["确认", "Confirm"],
  undo: ["撤销", "Undo"],
  revert: ["改回模型标注", "Back to the model’s"],
  previous: ["上一句", "Previous"],
  next: ["下一句", "Next"],
  probability: ["概率 {percent}%", "probability {percent}%"],
  saved: ["已保存", "Saved"],
  saving: ["保存中…", "Saving…"],
  unsaved: ["{count} 处未保存", "{count} not saved"],
  set_to: ["已改为 {label}", "Set to {label}"],
  confirmed: ["已确认 {label}", "Confirmed {label}"],
  undone: ["已撤销，现为 {label}", "Undone; now {label}"],
  nothing_to_undo: ["没有可撤销的修改。", "Nothing to undo."],
  conflict: ["此句刚被他人改过", "Someone else changed this sentence"],
  conflict_theirs: ["{user}（{time}）：{label}", "{user} ({time}): {label}"],
  conflict_mine: ["您：{label}", "You: {label}"],
  take_theirs: ["采用对方的", "Take theirs"],
  keep_mine: ["仍用我的", "Keep mine"],

  // review and compare
  review_title: ["最值得核对的句子", "Sentences most worth checking"],
  review_lead: [
    "模型拿不准、且彼此不同的句子。核对后会用于改进模型。",
    "Sentences the model is unsure of and that differ from each other. Checked ones help to improve it.",
  ],
  review_done: ["目前没有需要核对的句子。", "Nothing to check at present."],
  review_more: ["再取一批", "Fetch more"],
  review_left: ["本批还有 {count} 句", "{count} left in this batch"],
  doubt_role: ["拿不准：{first} {percent}%，{second} {other}%", "In doubt: {first} {percent}%, {second} {other}%"],
  doubt_topic: ["拿不准：是否{topic}（{percent}%）", "In doubt: {topic} or not ({percent}%)"],
  compare_title: ["多份报告比较", "Reports compared"],
  compare_lead: [
    "按现在的标注统计。点名称打开报告。",
    "Counted by the labels of now. Click a name to open the report.",
  ],
  report: ["报告", "Report"],
  all_units: ["句数", "Sentences"],
  missing: ["依据不全的部分", "Parts without clear evidence"],
  without_plan: ["未见相近计划的问题", "Problems without a close plan"],
  without_plan_count: ["{count} 处", "{count}"],
  missing_none: ["各部分都有依据句", "Every part has evidence"],
  none: ["无", "none"],

  // key, help, failures
  key_title: ["需要访问密钥", "A key is needed"],
  key_lead: ["请输入管理员给您的密钥。", "Enter the key your administrator gave you."],
  key_label: ["密钥", "Key"],
  key_keep: ["在此浏览器中记住", "Remember it in this browser"],
  key_go: ["继续", "Continue"],
  key_form: ["密钥只含英文字母、数字和半角符号。", "A key holds only letters, digits and signs of ASCII."],
  key_wrong: ["密钥无效，请再试。", "This key is not valid; try again."],
  help_title: ["标注与快捷键", "Labels and keys"],
  help_marks: ["记号", "Marks"],
  help_keys: ["操作", "Keys"],
  keys_on: ["启用单键快捷键", "Use single-key shortcuts"],
  k_move: ["下一句、上一句", "next, previous sentence"],
  k_confirm: ["确认现有标注", "confirm the label"],
  k_undo: ["撤销", "undo"],
  k_unsure: ["下一个存疑句", "next unsure sentence"],
  k_search: ["查找", "search"],
  k_help: ["本帮助", "this help"],
  k_escape: ["关闭；清除筛选", "close; clear filters"],
  mark_unsure: ["存疑：模型拿不准，请核对", "unsure: the model is in doubt, please check"],
  mark_corrected: ["已由人核定", "checked by a person"],
  mark_unsaved: ["尚未保存", "not saved yet"],
  offline: ["连不上服务，请检查网络后重试。", "The service cannot be reached; check the network and try again."],
  strange: ["服务的回答无法理解（{status}）。", "The service’s answer was not understood ({status})."],
};

let column = 0;

export const language = () => (column ? "en" : "zh");

export function t(key, facts = {}) {
  return STRINGS[key][column].replace(/\{(\w+)\}/g, (_, name) => facts[name] ?? "");
}

export function setLanguage(name) {
  column = name === "en" ? 1 : 0;
  keep("language", name);
  document.documentElement.lang = column ? "en" : "zh-CN";
}

export function startLanguage() {
  setLanguage(read("language", "zh"));
}

export const inLanguage = (zh, en) => (column ? en || zh : zh || en);

// A label object of labels.js in the reader's language.
export const labelName = (label) => (column ? label.en : label.name);

export const list = (words) => words.join(column ? ", " : "、");

export function when(time) {
  const at = new Date(time);
  const options = { month: "numeric", day: "numeric", hour: "2-digit", minute: "2-digit", hour12: false };
  if (at.getFullYear() !== new Date().getFullYear()) options.year = "numeric";
  return at.toLocaleString(column ? "en-GB" : "zh-CN", options);
}

// Static parts of the page: data-t fills the text, data-t-label aria-label, data-t-hint the placeholder.
export function translate(root) {
  for (const element of root.querySelectorAll("[data-t], [data-t-label], [data-t-hint]")) {
    const { t: words, tLabel: label, tHint: hint } = element.dataset;
    if (words) element.textContent = t(words);
    if (label) element.setAttribute("aria-label", t(label));
    if (hint) element.placeholder = t(hint);
  }
}
