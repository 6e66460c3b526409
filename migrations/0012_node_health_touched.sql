-- As for the other rows that a view is made of: what a snapshot did not show is read with the next (0005).
CREATE TRIGGER touch BEFORE INSERT OR UPDATE ON "node_health" FOR EACH ROW EXECUTE FUNCTION touch();
