-- The term of Unicode (UTS 39) for what a name looks like is its skeleton.
ALTER TABLE accounts.looks RENAME TO name_skeletons;
ALTER TABLE accounts.name_skeletons RENAME COLUMN look TO skeleton;
ALTER INDEX accounts.looks_pkey RENAME TO name_skeletons_pkey;
ALTER INDEX accounts.looks_user RENAME TO name_skeletons_user;
ALTER TABLE accounts.name_skeletons RENAME CONSTRAINT looks_user_id_fkey TO name_skeletons_user_id_fkey;

ALTER TABLE accounts.shown_looks RENAME TO shown_skeletons;
ALTER TABLE accounts.shown_skeletons RENAME COLUMN look TO skeleton;
ALTER INDEX accounts.shown_looks_pkey RENAME TO shown_skeletons_pkey;
ALTER INDEX accounts.shown_looks_user RENAME TO shown_skeletons_user;
ALTER TABLE accounts.shown_skeletons RENAME CONSTRAINT shown_looks_user_id_fkey TO shown_skeletons_user_id_fkey;

-- What the ambiguity of a user was computed for.
ALTER TABLE accounts.users RENAME COLUMN shown_for TO ambiguity_checked_for;
