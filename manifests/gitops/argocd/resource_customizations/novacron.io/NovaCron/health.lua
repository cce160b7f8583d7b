-- NovaCron follows kstatus: Ready, Reconciling, Stalled and observedGeneration.
local hs = { status = "Progressing", message = "Waiting for the operator" }
if obj.metadata.deletionTimestamp ~= nil then
  hs.message = "Being deleted"
  return hs
end
if obj.metadata.annotations ~= nil and obj.metadata.annotations["novacron.io/paused"] == "true" then
  return { status = "Suspended", message = "Reconciliation is paused" }
end
if obj.status == nil or obj.status.conditions == nil then
  return hs
end
if obj.status.observedGeneration ~= obj.metadata.generation then
  hs.message = "Waiting for generation " .. tostring(obj.metadata.generation) .. " to be observed"
  return hs
end
local c = {}
for _, condition in ipairs(obj.status.conditions) do
  c[condition.type] = condition
end
if c.Reconciling ~= nil and c.Reconciling.status == "True" then
  hs.message = c.Reconciling.reason .. ": " .. c.Reconciling.message
  return hs
end
if c.Stalled ~= nil and c.Stalled.status == "True" then
  return { status = "Degraded", message = c.Stalled.reason .. ": " .. c.Stalled.message }
end
if c.Ready ~= nil and c.Ready.status == "True" then
  return { status = "Healthy", message = c.Ready.message }
end
if c.Ready ~= nil then
  hs.message = c.Ready.reason .. ": " .. c.Ready.message
end
return hs
